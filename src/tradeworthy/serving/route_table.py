"""What a worker answers with: one immutable table, swapped by one reference assignment.

A table is built beside the running one (artifacts loaded and warmed), then takes its place in a
single assignment; a request holds the table it began with to its end. The table says until when
its release is confirmed: a worker that cannot confirm later stops answering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn, TypeAlias

import msgspec

from tradeworthy.artifacts.predictor import Predictor
from tradeworthy.errors import (
    FeatureGraphMismatch,
    InvalidInput,
    ModelNotFound,
    ModelQuarantined,
    ReleaseUnconfirmed,
    TradeworthyError,
)
from tradeworthy.serving.decoder import DecodedRequest, Decoder

Explain: TypeAlias = Callable[[str], FeatureGraphMismatch | None]


@dataclass(frozen=True, slots=True)
class Ready:
    """A version that may predict.

    Attributes
    ----------
    model, version, manifest_digest, artifact_sha256
        Who answers.
    bound_hash, active_hash, running_hash
        Hash of the version's feature graph as trained, in the active release and in this code.
    predictor, decoder
        Made from the artifact and from the manifest's inputs.
    explain
        Gives the 409 with the exact difference when the hash that a client sent is that of the
        code which runs here by now; None when no such hash is known.
    bound_inputs
        The inputs with the versions that the model is bound to, `name@version`.

    Raises
    ------
    FeatureGraphMismatch
        When the hashes differ.
    """

    model: str
    version: int
    manifest_digest: str
    artifact_sha256: str
    bound_hash: str
    active_hash: str
    running_hash: str
    predictor: Predictor
    decoder: Decoder
    explain: Explain | None = None
    bound_inputs: tuple[str, ...] = ()
    answer_head: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.aligned:
            raise FeatureGraphMismatch(
                f"version {self.version} of {self.model} is bound to another feature graph than "
                "the one that is active and running",
                bound=self.bound_hash,
                active=self.active_hash,
                running=self.running_hash,
            )
        static = {
            "version": self.version,
            "manifest_digest": self.manifest_digest,
            "feature_graph_hash": self.bound_hash,
        }
        head = msgspec.json.encode(static)[:-1]
        object.__setattr__(self, "answer_head", head)

    @property
    def aligned(self) -> bool:
        """Whether bound, active and running hash are one."""
        return self.bound_hash == self.active_hash == self.running_hash


@dataclass(frozen=True, slots=True)
class Blocked:
    """A model that is known and does not predict.

    Attributes
    ----------
    error
        What to answer: `NoProductionVersion`, `ModelQuarantined`, `FeatureGraphMismatch` with the
        full difference, or `ArtifactInvalid`.
    decoder
        The version's decoder when its manifest is readable, so that a malformed request gets
        its 422 before it hears that the model is blocked (423, 409, 503).
    bound_hash
        The version's hash, so that rows of another graph get their 409 before a 503.
    explain, bound_inputs
        As in `Ready`.
    """

    error: TradeworthyError
    decoder: Decoder | None = None
    bound_hash: str | None = None
    explain: Explain | None = None
    bound_inputs: tuple[str, ...] = ()


Route: TypeAlias = Ready | Blocked


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The routes of one epoch.

    Attributes
    ----------
    epoch
        Number of the active release; it only grows.
    confirmed_until
        Reading of the monotonic clock, in nanoseconds, up to which the epoch is known to hold.
    routes
        By model name. Copied, so that nobody can change the table.

    Examples
    --------
    >>> from tradeworthy.errors import NoProductionVersion
    >>> table = RouteTable(7, 1_000, {"m": Blocked(NoProductionVersion("promote one"))})
    >>> table.lookup("m").error.code
    'no_production_version'
    >>> table.require_confirmed(1_000)
    """

    epoch: int
    confirmed_until: int
    routes: Mapping[str, Route]
    answer_tail: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "routes", MappingProxyType(dict(self.routes)))
        object.__setattr__(self, "answer_tail", b',"epoch":%d' % self.epoch)

    def lookup(self, model: str) -> Route:
        """Return the route of ``model``.

        Raises
        ------
        ModelNotFound
            When there is no such model.
        """
        route = self.routes.get(model)
        if route is None:
            raise ModelNotFound(f"there is no model {model[:200]!r}", model=model[:200])
        return route

    def require_confirmed(self, now: int) -> None:
        """Check the lease at ``now``, a reading of the monotonic clock in nanoseconds.

        Raises
        ------
        ReleaseUnconfirmed
            After `confirmed_until`.
        """
        if now > self.confirmed_until:
            raise ReleaseUnconfirmed(
                "this worker cannot confirm which release is active; it answers again as soon as "
                "it reaches the database",
                epoch=self.epoch,
            )

    def admit(self, route: Route, request: DecodedRequest) -> Ready:
        """Check a request against its route: 422 of the form, then 423, 409, 503.

        Parameters
        ----------
        route
            As `lookup` returned it.
        request
            As the route's decoder returned it.

        Raises
        ------
        InvalidInput
            For rows without the hash of the code that computed them.
        FeatureGraphMismatch
            For rows of other feature code.
        TradeworthyError
            The error of a blocked route.
        """
        sent = request.feature_graph_hash
        if sent is None:
            raise _hash_missing(route)
        if isinstance(route, Blocked):
            _raise_blocked(route, sent, self.epoch)
        if sent != route.bound_hash:
            raise _mismatch(route, sent, self.epoch)
        return route


def _raise_blocked(route: Blocked, sent: str | None, epoch: int) -> NoReturn:
    if (
        not isinstance(route.error, (ModelQuarantined, FeatureGraphMismatch))
        and sent is not None
        and route.bound_hash not in (None, sent)
    ):
        raise _mismatch(route, sent, epoch)
    # One error answers many requests: without this its traceback would grow with each.
    raise route.error.with_traceback(None)


def _hash_missing(route: Route) -> InvalidInput:
    """Build the 422 of rows without a hash, with the command that prints it."""
    return InvalidInput(
        "rows need feature_graph_hash, the hash of the code that computed them: run "
        f"{_hash_command(route)} on the feature file that computed them",
        field="feature_graph_hash",
    )


def _hash_command(route: Route) -> str:
    inputs = route.bound_inputs or (route.decoder.inputs if route.decoder else ())
    return f"`tradeworthy features hash FILE --inputs {','.join(inputs)}`"


def _ways_out(route: Route) -> tuple[str, ...]:
    """Say what the sender of rows can do whose hash is not the bound one."""
    return (
        "compute the rows with the feature code that the model is bound to: of that file "
        f"{_hash_command(route)} prints {route.bound_hash}",
        "train, validate and promote a version on the code that computed the rows",
    )


def _mismatch(route: Route, sent: str, epoch: int) -> FeatureGraphMismatch:
    """Build the 409 of rows that other feature code computed, with the difference if known."""
    explained = route.explain(sent) if route.explain else None
    if explained is not None:
        return explained
    ready = route if isinstance(route, Ready) else None
    return FeatureGraphMismatch(
        "the rows were computed by other feature code than the one the model was trained on",
        sent=sent[:64],
        bound=route.bound_hash,
        active=ready.active_hash if ready else None,
        running=ready.running_hash if ready else None,
        epoch=epoch,
        ways_out=_ways_out(route),
    )
