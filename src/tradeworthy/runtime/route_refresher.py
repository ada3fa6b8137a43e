"""Building the route table from the registry, and keeping it confirmed."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from tradeworthy.access.tokens import TokenRecord
from tradeworthy.artifacts.predictor import Predictor
from tradeworthy.errors import (
    ArtifactInvalid,
    FeatureGraphMismatch,
    ModelQuarantined,
    NoProductionVersion,
    StoreUnavailable,
    TradeworthyError,
)
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.alignment import Alignment, compare
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.model_registry.sources import Sources
from tradeworthy.runtime.token_cache import TokenCache
from tradeworthy.serving.decoder import FLOAT64_MAX, make_decoder
from tradeworthy.serving.route_table import (
    Blocked,
    Explain,
    Ready,
    Route,
    RouteTable,
)
from tradeworthy.store.ports.models import ModelSummary
from tradeworthy.store.ports.versions import VersionQuery
from tradeworthy.store.unit_of_work import Store, View

PAGE = 1000
MAX_ROWS = 100_000
_NEVER = 2**63
# How soon an artifact that was missing or damaged is looked for again, in nanoseconds.
_RETRY_AFTER = 2_000_000_000
_LOG = logging.getLogger("tradeworthy.serving")

# What a predictor is loaded from: digest, format and number of inputs.
_Artifact: TypeAlias = tuple[str, str, int]


class _Surroundings(NamedTuple):
    """What a route rests on besides its version."""

    epoch: int
    code: object


@dataclass(frozen=True, slots=True)
class _Built:
    """A model's route and what it was made of; made anew only when ``basis`` changes."""

    basis: object
    route: Route
    artifact: _Artifact | None = None
    predictor: Predictor | None = None

    @property
    def may_recover(self) -> bool:
        """Whether a file that comes back would mend the route: no record tells of that."""
        return isinstance(self.route, Blocked) and isinstance(self.route.error, ArtifactInvalid)


class RouteRefresher:
    """Renews the route table whenever registry, release or feature code change.

    Parameters
    ----------
    store
        What the registry keeps.
    sources
        Loads artifacts and compares features.
    token_cache
        Gets the tokens and strategies.
    lease_seconds
        How long a confirmed table holds.
    max_bytes
        The largest predict body.
    """

    def __init__(
        self,
        store: Store,
        sources: Sources,
        token_cache: TokenCache,
        *,
        lease_seconds: float,
        max_bytes: int,
    ) -> None:
        self._store = store
        self._sources = sources
        self._token_cache = token_cache
        self._lease = int(lease_seconds * 1e9)
        self._max_bytes = max_bytes
        self._basis: object = None
        self._retry_at = _NEVER
        self._built: Mapping[str, _Built] = {}
        self._predictors: Mapping[_Artifact, Predictor] = {}
        self._tokens: tuple[TokenRecord, ...] = ()
        self.table = RouteTable(0, 0, {})

    def refresh(self) -> bool:
        """Renew the table if anything changed, and its lease; tell whether it was renewed.

        Raises
        ------
        StoreUnavailable
            If the database does not answer; the old table stays until its lease runs out.
        """
        now = time.monotonic_ns()
        with self._store.read() as view:
            position, tokens = view.position(), view.tokens.all()
        if tokens != self._tokens:
            self._token_cache.renew_tokens(tokens)
            self._tokens = tokens
        basis = (position, self._sources.code.signature())
        changed = basis != self._basis or now > self._retry_at
        if changed:
            built = self._build(_Surroundings(position[1], basis[1]))
            if self._epoch() != position[1]:
                # A release was activated meanwhile: these routes are of neither epoch.
                return self.refresh()
            self._keep(built)
            recoverable = any(each.may_recover for each in built.values())
            self._retry_at = now + _RETRY_AFTER if recoverable else _NEVER
        routes = {model: each.route for model, each in self._built.items()}
        self.table = RouteTable(position[1], now + self._lease, routes)
        self._basis = basis
        return changed

    def _build(self, surroundings: _Surroundings) -> dict[str, _Built]:
        """Return every model's route, made anew where its version or surroundings changed."""
        with self._store.read() as view:
            models, champions = _models(view), _champions(view)
        self._token_cache.renew_strategies({model.name: model.strategy for model in models})
        return {m.name: self._renew(m.name, champions.get(m.name), surroundings) for m in models}

    def _keep(self, built: Mapping[str, _Built]) -> None:
        self._built = built
        self._predictors = {
            each.artifact: each.predictor
            for each in built.values()
            if each.artifact is not None and each.predictor is not None
        }

    def _epoch(self) -> int:
        with self._store.read() as view:
            return view.position()[1]

    def _renew(
        self, model: str, champion: VersionState | None, surroundings: _Surroundings
    ) -> _Built:
        """Return a model's route; whatever fails blocks this model and no other."""
        basis = champion and (
            champion.version,
            champion.manifest_digest,
            champion.quarantined_at,
            surroundings,
        )
        held = self._built.get(model)
        if held is not None and held.basis == basis and not held.may_recover:
            return held
        try:
            return self._make(model, champion, basis, surroundings.epoch)
        except StoreUnavailable:
            raise
        except TradeworthyError as error:
            return _Built(basis, Blocked(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on predicting
            _LOG.exception("the route of %r cannot be built", model)
            reason = f"the version in PRODUCTION cannot be loaded ({type(error).__name__})"
            return _Built(basis, Blocked(ArtifactInvalid(f"{reason}: see the service's log")))

    def _make(self, model: str, champion: VersionState | None, basis: object, epoch: int) -> _Built:
        if champion is None:
            raise NoProductionVersion(
                f"model {model!r} has no version in PRODUCTION: see `tradeworthy models versions "
                f"{model}`, then `tradeworthy promote {model} VERSION`",
                model=model,
            )
        with self._store.read() as view:
            manifest = manifest_of(view, champion)
        explain = self._explainer(manifest, epoch)
        if champion.quarantined:
            return _Built(basis, self._blocked(_quarantined(model, champion), manifest, explain))
        alignment = self._sources.alignment(manifest)
        artifact = _artifact_of(manifest)
        try:
            predictor = self._predictors.get(artifact) or self._sources.predictor(manifest)
        except ArtifactInvalid as error:
            stop = error if alignment.aligned else _mismatch(manifest, alignment, epoch)
            return _Built(basis, self._blocked(stop, manifest, explain))
        if alignment.aligned:
            route = self._ready(champion, manifest, predictor, explain)
        else:
            stop = _mismatch(manifest, alignment, epoch)
            route = self._blocked(stop, manifest, explain, predictor.largest)
        return _Built(basis, route, artifact, predictor)

    def _blocked(
        self,
        error: TradeworthyError,
        manifest: Manifest,
        explain: Explain,
        largest: float = FLOAT64_MAX,
    ) -> Route:
        return Blocked(
            error,
            make_decoder(manifest.inputs, MAX_ROWS, self._max_bytes, largest),
            manifest.feature_graph_hash,
            explain,
            _bound_inputs(manifest),
        )

    def _ready(
        self, champion: VersionState, manifest: Manifest, predictor: Predictor, explain: Explain
    ) -> Route:
        graph_hash = manifest.feature_graph_hash
        assert champion.manifest_digest is not None  # noqa: S101 - its manifest was just read
        assert graph_hash is not None  # noqa: S101 - it is aligned
        return Ready(
            model=manifest.model,
            version=champion.version,
            manifest_digest=champion.manifest_digest,
            artifact_sha256=manifest.files[0].sha256,
            bound_hash=graph_hash,
            active_hash=graph_hash,
            running_hash=graph_hash,
            predictor=predictor,
            decoder=make_decoder(manifest.inputs, MAX_ROWS, self._max_bytes, predictor.largest),
            explain=explain,
            bound_inputs=_bound_inputs(manifest),
        )

    def _explainer(self, manifest: Manifest, epoch: int) -> Explain:
        """Return what tells whether the code that runs here by now is what computed the rows.

        Then it was edited after the table was made, and the answer is the one that the next table
        will give.
        """

        def explain(sent: str) -> FeatureGraphMismatch | None:
            file, bound = manifest.code.feature_file, manifest.feature_graph
            if file is None or bound is None:
                return None
            try:
                running = self._sources.code.graph(file)
                alignment = compare(bound, bound.nodes, running.nodes)
            except TradeworthyError:
                return None
            return _mismatch(manifest, alignment, epoch) if alignment.running == sent else None

        return explain


def _models(view: View) -> list[ModelSummary]:
    models: list[ModelSummary] = []
    while page := view.models.page(after=models[-1].name if models else "", limit=PAGE):
        models += page
    return models


def _champions(view: View) -> dict[str, VersionState]:
    champions: dict[str, VersionState] = {}
    after = ("", 0)
    query = VersionQuery(stage=Stage.PRODUCTION)
    while rows := view.versions.search(query, after=after, limit=PAGE):
        champions |= {row.model: row.version for row in rows}
        after = (rows[-1].model, rows[-1].version.version)
    return champions


def _bound_inputs(manifest: Manifest) -> tuple[str, ...]:
    return manifest.feature_graph.inputs if manifest.feature_graph else ()


def _artifact_of(manifest: Manifest) -> _Artifact:
    if not manifest.files:
        raise ArtifactInvalid(f"{manifest.file_name} names no artifact file")
    file = manifest.files[0]
    return file.sha256, file.format, len(manifest.inputs)


def _quarantined(model: str, champion: VersionState) -> ModelQuarantined:
    return ModelQuarantined(
        f"version {champion.version} of {model!r} was {champion.quarantine}: once the cause "
        f"is cleared, an operator runs `tradeworthy lift-quarantine {model} {champion.version} "
        "--reason WHY`",
        version=champion.version,
        quarantine_reason=champion.quarantine_reason,
        quarantined_by=champion.quarantined_by,
        quarantined_at=champion.quarantined_at and champion.quarantined_at.isoformat(),
    )


def _mismatch(manifest: Manifest, alignment: Alignment, epoch: int) -> FeatureGraphMismatch:
    differences = alignment.to_json()
    return FeatureGraphMismatch(
        f"version {manifest.version} of {manifest.model!r} does not predict, because running code, "
        "active release and what it was trained on are not the same: "
        + "; ".join(alignment.lines()),
        **differences,
        epoch=epoch,
        ways_out=alignment.ways_out(manifest),
    )
