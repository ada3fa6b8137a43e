"""Everything a running service is made of, put together in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from prometheus_client import CollectorRegistry

from tradeworthy.access.roles import Actor
from tradeworthy.base.clock import utc_now
from tradeworthy.base.settings import Settings
from tradeworthy.errors import HomeUnusable
from tradeworthy.evaluation.process import EvaluationProcess
from tradeworthy.lifecycle.state import VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.approvals import Approvals
from tradeworthy.model_registry.backtests import Backtests
from tradeworthy.model_registry.datasets import Datasets
from tradeworthy.model_registry.jobs import Jobs
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.model_registry.models import ModelRegistry
from tradeworthy.model_registry.policies import Policies
from tradeworthy.model_registry.promotions import Promotions
from tradeworthy.model_registry.releases import Releases
from tradeworthy.model_registry.running_code import RunningCode
from tradeworthy.model_registry.sources import Sources
from tradeworthy.model_registry.tokens import Tokens
from tradeworthy.prediction_log.history import PredictionHistory
from tradeworthy.promotion.files.policy_file import read_policy_file
from tradeworthy.runtime.drift_scheduler import DriftScheduler
from tradeworthy.runtime.home import read_token_key
from tradeworthy.runtime.route_refresher import RouteRefresher
from tradeworthy.runtime.token_cache import TokenCache
from tradeworthy.store import migrations
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.engine import open_engine
from tradeworthy.store.sql_store import SqlStore
from tradeworthy.store.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class Service:
    """The use cases of one deployment and what they share."""

    settings: Settings
    clock: Callable[[], datetime]
    store: Store
    blobs: BlobFolder
    code: RunningCode
    sources: Sources
    policies: Policies
    registry: ModelRegistry
    backtests: Backtests
    jobs: Jobs
    releases: Releases
    datasets: Datasets
    tokens: Tokens
    token_cache: TokenCache
    refresher: RouteRefresher
    scheduler: DriftScheduler
    evaluator: EvaluationProcess
    metrics: CollectorRegistry

    def authenticate(self, token: str | None) -> Actor:
        """Return who the bearer of a token is."""
        return self.tokens.authenticate(token)

    def close(self) -> None:
        """Give back what the service holds."""
        self.evaluator.close()
        self.store.close()


def open_service(
    settings: Settings,
    *,
    randomness: Callable[[int], bytes],
    clock: Callable[[], datetime] = utc_now,
) -> Service:
    """Put a service together on an initialised home.

    Raises
    ------
    HomeUnusable
        If the home is not initialised.
    StoreUnavailable
        If the database does not answer or has another schema.
    """
    if not settings.home.is_dir():
        raise HomeUnusable(f"there is no home at {settings.home}: run `tradeworthy init`")
    key = read_token_key(settings)
    engine = open_engine(settings.database)
    migrations.check(engine)
    store = SqlStore(engine)
    blobs = BlobFolder(settings.blobs_folder)
    code = RunningCode(settings.strategies_folder)
    sources = Sources(store, blobs, code)
    policies = Policies(partial(read_policy_file, settings.policy_file))
    promotions = Promotions(sources, policies, clock)
    approvals = Approvals(store, policies, clock)
    evaluator = EvaluationProcess(
        settings.evaluation_seconds,
        private=settings.home,
        readable=[settings.strategies_folder, settings.blobs_folder],
    )
    token_cache = TokenCache(key)
    backtests = Backtests(
        store=store,
        blobs=blobs,
        code=code,
        policies=policies,
        promotions=promotions,
        evaluator=evaluator,
        clock=clock,
    )
    return Service(
        settings=settings,
        clock=clock,
        store=store,
        blobs=blobs,
        code=code,
        sources=sources,
        policies=policies,
        registry=ModelRegistry(store, blobs, policies, promotions, approvals, clock),
        backtests=backtests,
        jobs=Jobs(
            store, backtests, clock, randomness, timedelta(seconds=settings.job_lease_seconds)
        ),
        releases=Releases(store, clock),
        datasets=Datasets(store, blobs, clock),
        tokens=Tokens(store, key, clock, randomness),
        token_cache=token_cache,
        refresher=RouteRefresher(
            store,
            sources,
            token_cache,
            lease_seconds=settings.lease_seconds,
            max_bytes=settings.max_predict_bytes,
        ),
        scheduler=DriftScheduler(
            store,
            PredictionHistory(settings.predictions_folder),
            policies.of,
            partial(_manifest, store),
        ),
        evaluator=evaluator,
        metrics=CollectorRegistry(),
    )


def _manifest(store: Store, version: VersionState) -> Manifest:
    with store.read() as view:
        return manifest_of(view, version)
