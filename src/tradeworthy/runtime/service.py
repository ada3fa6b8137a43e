"""Everything a running service is made of, put together in one place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING

from tradeworthy.access.roles import Actor
from tradeworthy.base.clock import utc_now
from tradeworthy.base.settings import Settings
from tradeworthy.errors import HomeUnusable
from tradeworthy.model_registry.tokens import Tokens
from tradeworthy.runtime.home import read_token_key
from tradeworthy.runtime.part import Part
from tradeworthy.runtime.token_cache import TokenCache
from tradeworthy.store import migrations
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.engine import open_engine
from tradeworthy.store.sql_store import SqlStore
from tradeworthy.store.unit_of_work import Store

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from tradeworthy.evaluation.process import EvaluationProcess
    from tradeworthy.lifecycle.state import VersionState
    from tradeworthy.manifest.manifest import Manifest
    from tradeworthy.model_registry.approvals import Approvals
    from tradeworthy.model_registry.backtests import Backtests
    from tradeworthy.model_registry.datasets import Datasets
    from tradeworthy.model_registry.jobs import Jobs
    from tradeworthy.model_registry.models import ModelRegistry
    from tradeworthy.model_registry.policies import Policies
    from tradeworthy.model_registry.promotions import Promotions
    from tradeworthy.model_registry.releases import Releases
    from tradeworthy.model_registry.running_code import RunningCode
    from tradeworthy.model_registry.sources import Sources
    from tradeworthy.prediction_log.writer import PredictionLog
    from tradeworthy.runtime.drift_scheduler import DriftScheduler
    from tradeworthy.runtime.route_refresher import RouteRefresher


class Service:
    """The use cases of one deployment and what they share, each put together when first used.

    A command that reads one record imports no evaluation, no model and no table library. A server
    puts all of it together before it listens.

    Parameters
    ----------
    settings
        Where its home is, and how it runs.
    store
        The open database of that home.
    key
        The key of its tokens' MACs.
    randomness
        ``n`` random bytes, as ``secrets.token_bytes``.
    clock
        The time now, UTC.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        key: bytes,
        *,
        randomness: Callable[[int], bytes],
        clock: Callable[[], datetime],
    ) -> None:
        self.assembly = RLock()
        self.settings = settings
        self.store = store
        self.clock = clock
        self.blobs = BlobFolder(settings.blobs_folder)
        self.tokens = Tokens(store, key, clock, randomness)
        self.token_cache = TokenCache(key)
        # What a server writes predictions down with; nothing else predicts.
        self.prediction_log: PredictionLog | None = None
        self._randomness = randomness

    @Part
    def code(self) -> RunningCode:
        """The strategy files of this deployment."""
        from tradeworthy.model_registry.running_code import RunningCode

        return RunningCode(self.settings.strategies_folder)

    @Part
    def sources(self) -> Sources:
        """Where the facts about a version come from."""
        from tradeworthy.model_registry.sources import Sources

        return Sources(self.store, self.blobs, self.code)

    @Part
    def policies(self) -> Policies:
        """What each model is held to."""
        from tradeworthy.model_registry.policies import Policies
        from tradeworthy.promotion.files.policy_file import read_policy_file

        return Policies(partial(read_policy_file, self.settings.policy_file))

    @Part
    def registry(self) -> ModelRegistry:
        """Every way a model or a version can change."""
        from tradeworthy.model_registry.models import ModelRegistry

        return ModelRegistry(
            self.store, self.blobs, self.policies, self._promotions, self._approvals, self.clock
        )

    @Part
    def backtests(self) -> Backtests:
        """Backtests that are run at once."""
        from tradeworthy.model_registry.backtests import Backtests

        return Backtests(
            store=self.store,
            blobs=self.blobs,
            code=self.code,
            policies=self.policies,
            promotions=self._promotions,
            evaluator=self.evaluator,
            clock=self.clock,
        )

    @Part
    def jobs(self) -> Jobs:
        """Backtests that are run later."""
        from tradeworthy.model_registry.jobs import Jobs

        lease = timedelta(seconds=self.settings.job_lease_seconds)
        return Jobs(self.store, self.backtests, self.clock, self._randomness, lease)

    @Part
    def releases(self) -> Releases:
        """Releases of features."""
        from tradeworthy.model_registry.releases import Releases

        return Releases(self.store, self.clock)

    @Part
    def datasets(self) -> Datasets:
        """Market data."""
        from tradeworthy.model_registry.datasets import Datasets

        return Datasets(self.store, self.blobs, self.clock)

    @Part
    def refresher(self) -> RouteRefresher:
        """What the hot path answers from, and what keeps it fresh."""
        from tradeworthy.runtime.route_refresher import RouteRefresher

        return RouteRefresher(
            self.store,
            self.sources,
            self.token_cache,
            lease_seconds=self.settings.lease_seconds,
            max_bytes=self.settings.max_predict_bytes,
        )

    @Part
    def scheduler(self) -> DriftScheduler:
        """Drift scans that are due."""
        from tradeworthy.prediction_log.history import PredictionHistory
        from tradeworthy.runtime.drift_scheduler import DriftScheduler

        history = PredictionHistory(self.settings.predictions_folder)
        return DriftScheduler(self.store, history, self.policies.of, self._manifest)

    @Part
    def evaluator(self) -> EvaluationProcess:
        """Where users' code runs."""
        from tradeworthy.evaluation.process import EvaluationProcess

        return EvaluationProcess(
            self.settings.evaluation_seconds,
            private=self.settings.home,
            readable=[self.settings.strategies_folder, self.settings.blobs_folder],
        )

    @Part
    def metrics(self) -> CollectorRegistry:
        """What is counted."""
        from prometheus_client import CollectorRegistry

        return CollectorRegistry()

    @Part
    def _promotions(self) -> Promotions:
        from tradeworthy.model_registry.promotions import Promotions

        return Promotions(self.sources, self.policies, self.clock)

    @Part
    def _approvals(self) -> Approvals:
        from tradeworthy.model_registry.approvals import Approvals

        return Approvals(self.store, self.policies, self.clock)

    def _manifest(self, version: VersionState) -> Manifest:
        from tradeworthy.model_registry.manifests import manifest_of

        with self.store.read() as view:
            return manifest_of(view, version)

    def authenticate(self, token: str | None) -> Actor:
        """Return who the bearer of a token is."""
        return self.tokens.authenticate(token)

    def complete(self) -> None:
        """Put together whatever is not yet, so that no request waits for it."""
        for name, part in vars(type(self)).items():
            if isinstance(part, Part):
                getattr(self, name)

    def close(self) -> None:
        """Give back what the service holds."""
        if "evaluator" in vars(self):
            self.evaluator.close()
        self.store.close()


def open_service(
    settings: Settings,
    *,
    randomness: Callable[[int], bytes],
    clock: Callable[[], datetime] = utc_now,
) -> Service:
    """Open the service of an initialised home.

    Raises
    ------
    HomeUnusable
        If the home is not initialised.
    StoreUnavailable
        If the database does not answer or has another schema.
    """
    if not settings.home.is_dir():
        raise HomeUnusable(
            f"there is no home at {settings.home}: name yours by --home or TRADEWORTHY_HOME, or "
            f"make one here: `{settings.init_command}`"
        )
    key = read_token_key(settings)
    engine = open_engine(settings.database)
    migrations.check(engine, init=settings.init_command)
    return Service(settings, SqlStore(engine), key, randomness=randomness, clock=clock)
