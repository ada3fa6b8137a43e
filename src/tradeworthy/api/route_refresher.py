"""Building the route table from the registry, and keeping it confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tradeworthy.access.tokens import TokenRecord
from tradeworthy.api.token_gate import TokenGate
from tradeworthy.errors import (
    ArtifactInvalid,
    FeatureGraphMismatch,
    ModelQuarantined,
    NoProductionVersion,
    TradeworthyError,
)
from tradeworthy.features.graph_diff import diff_snapshots
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import VersionState
from tradeworthy.model_registry.alignment import Alignment
from tradeworthy.model_registry.fact_gathering import FactGatherer
from tradeworthy.model_registry.papers import graph_of, manifest_of
from tradeworthy.provenance.manifest import Manifest
from tradeworthy.serving.decoder import Decoder, make_decoder
from tradeworthy.serving.predictor import Predictor
from tradeworthy.serving.route_table import WAYS_OUT, Blocked, Ready, Route, RouteTable
from tradeworthy.store.protocol import Reader
from tradeworthy.store.records import ModelSummary, VersionQuery

PAGE = 1000
MAX_ROWS = 100_000
_NEVER = 2**63


class RouteRefresher:
    """Renews the route table whenever registry, release or feature code change.

    Parameters
    ----------
    store
        What the registry keeps.
    facts
        Loads artifacts and compares features.
    gate
        Gets the tokens and strategies.
    lease_seconds
        How long a confirmed table holds.
    max_bytes
        The largest predict body.
    """

    def __init__(
        self,
        store: Reader,
        facts: FactGatherer,
        gate: TokenGate,
        *,
        lease_seconds: float,
        max_bytes: int,
    ) -> None:
        self._store = store
        self._facts = facts
        self._gate = gate
        self._lease = int(lease_seconds * 1e9)
        self._max_bytes = max_bytes
        self._basis: object = None
        self._retry_at = _NEVER
        self._predictors: dict[str, Predictor] = {}
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
        position = self._store.position()
        tokens = self._store.tokens()
        if tokens != self._tokens:
            self._gate.renew_tokens(tokens)
            self._tokens = tokens
        basis = (position, self._facts.code.signature())
        changed = basis != self._basis or now > self._retry_at
        if changed:
            routes: Mapping[str, Route] = self._build()
            self._retry_at = now + self._lease if _may_recover(routes) else _NEVER
        else:
            routes = self.table.routes
        self.table = RouteTable(position[1], now + self._lease, routes)
        self._basis = basis
        return changed

    def _build(self) -> dict[str, Route]:
        models: list[ModelSummary] = []
        while page := self._store.models(after=models[-1].name if models else "", limit=PAGE):
            models += page
        self._gate.renew_strategies({model.name: model.strategy for model in models})
        champions = self._champions()
        held = self._predictors
        self._predictors = {}
        return {m.name: self._route(m.name, champions.get(m.name), held) for m in models}

    def _champions(self) -> dict[str, VersionState]:
        found: dict[str, VersionState] = {}
        after = ("", 0)
        query = VersionQuery(stage=Stage.PRODUCTION)
        while rows := self._store.versions(query, after=after, limit=PAGE):
            found |= {row.model: row.version for row in rows}
            after = (rows[-1].model, rows[-1].version.version)
        return found

    def _route(
        self, model: str, champion: VersionState | None, held: dict[str, Predictor]
    ) -> Route:
        if champion is None:
            return Blocked(
                NoProductionVersion(
                    f"model {model!r} has no version in PRODUCTION: promote one", model=model
                )
            )
        try:
            manifest = manifest_of(self._store, champion)
            decoder = make_decoder(manifest.inputs, MAX_ROWS, self._max_bytes)
        except TradeworthyError as error:
            return Blocked(error)
        explain = self._explainer(manifest)
        bound = manifest.feature_graph_hash
        try:
            return self._ready(model, champion, manifest, decoder, held)
        except TradeworthyError as error:
            return Blocked(error, decoder, bound, explain)

    def _ready(
        self,
        model: str,
        champion: VersionState,
        manifest: Manifest,
        decoder: Decoder,
        held: dict[str, Predictor],
    ) -> Ready:
        if champion.quarantined:
            raise ModelQuarantined(
                f"version {champion.version} of {model!r} is quarantined "
                f"({champion.quarantine_reason}): an operator lifts that",
                version=champion.version,
            )
        alignment = self._facts.alignment(manifest)
        if not alignment.aligned:
            raise _mismatch(model, champion.version, alignment)
        sha256 = manifest.files[0].sha256
        predictor = held.get(sha256) or self._facts.predictor(manifest)
        self._predictors[sha256] = predictor
        assert champion.manifest_digest is not None  # noqa: S101 - its manifest was just read
        return Ready(
            model=model,
            version=champion.version,
            manifest_digest=champion.manifest_digest,
            artifact_sha256=sha256,
            bound_hash=alignment.bound,
            active_hash=alignment.bound,
            running_hash=alignment.bound,
            predictor=predictor,
            decoder=decoder,
            explain=self._explainer(manifest),
        )

    def _explainer(self, manifest: Manifest) -> Callable[[str], Any]:
        """Return what tells the difference to a hash that a client sent, where it is known."""

        def explain(sent: str) -> list[str] | None:
            rule = manifest.code.signal_rule
            if rule is None:
                return None
            try:
                bound = graph_of(manifest)
                graph = self._facts.code.graph(rule.feature_file or rule.file)
                running = graph.snapshot(bound.inputs)
            except TradeworthyError:
                return None
            return list(diff_snapshots(bound, running).explain()) if running.hash == sent else None

        return explain


def _may_recover(routes: Mapping[str, Route]) -> bool:
    """Tell whether a file that comes back would mend a route: no record tells of that."""
    return any(
        isinstance(route, Blocked) and isinstance(route.error, ArtifactInvalid)
        for route in routes.values()
    )


def _mismatch(model: str, version: int, alignment: Alignment) -> FeatureGraphMismatch:
    told = alignment.to_json()
    return FeatureGraphMismatch(
        f"version {version} of {model!r} does not predict, because running code, active release "
        "and what it was trained on are not the same: " + "; ".join(alignment.lines()),
        **told,
        ways_out=WAYS_OUT,
    )
