"""Every error the product raises: one base class, few leaves, stable codes.

A code never changes once released; programs match on it. The message says what is wrong and what
to do next. HTTP status codes live in ``api/http/problems.py``, the only place that knows them.
"""

from __future__ import annotations

from typing import ClassVar


class TradeworthyError(Exception):
    """Something that nobody expected.

    Besides it is the base of every error of this package.

    Parameters
    ----------
    message
        What is wrong and what to do next, one or two sentences.
    **details
        JSON-ready facts about the error; they reach the client of the service.

    Attributes
    ----------
    whole_text
        What was too long for the message, until a file keeps it.
    lines
        What the text says beyond the message.
    """

    code: ClassVar[str] = "internal_error"
    whole_text: str | None = None
    lines: tuple[str, ...] = ()

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def append(self, text: str) -> None:
        """Add to the message."""
        self.message += text
        self.args = (self.message,)

    def __str__(self) -> str:
        return "\n".join([self.message, *self.lines])


class InvalidInput(TradeworthyError):
    """A request, row or argument that cannot be understood."""

    code = "invalid_input"


class PayloadTooLarge(TradeworthyError):
    """A body above the configured limit."""

    code = "payload_too_large"


class UnsupportedMediaType(TradeworthyError):
    """A body of a content type that the route does not read."""

    code = "unsupported_media_type"


class RequestTooSlow(TradeworthyError):
    """A request of which too little arrived in the time that it has."""

    code = "request_too_slow"


class Unauthenticated(TradeworthyError):
    """No token, an unknown one or a revoked one."""

    code = "unauthenticated"


class Forbidden(TradeworthyError):
    """A known actor without the role, or outside the strategies the token is scoped to."""

    code = "forbidden"


class ModelNotFound(TradeworthyError):
    """No model of that name."""

    code = "model_not_found"


class VersionNotFound(TradeworthyError):
    """No such version of the model."""

    code = "version_not_found"


class NoProductionVersion(TradeworthyError):
    """The model exists, none of its versions is in PRODUCTION."""

    code = "no_production_version"


class RecordNotFound(TradeworthyError):
    """No dataset, release, token, report, file or backtest under that key."""

    code = "not_found"


class AlreadyExists(TradeworthyError):
    """It is there already: the name is taken, or this was done before."""

    code = "already_exists"


class LastAdmin(TradeworthyError):
    """Without this token nobody could manage tokens any more."""

    code = "last_admin"


class IdempotencyConflict(TradeworthyError):
    """The Idempotency-Key was used before with another request."""

    code = "idempotency_conflict"


class RouteNotFound(TradeworthyError):
    """The service has no such path."""

    code = "route_not_found"


class MethodNotAllowed(TradeworthyError):
    """The path has no such method."""

    code = "method_not_allowed"


class InvalidTransition(TradeworthyError):
    """A move that the lifecycle does not have."""

    code = "invalid_transition"


class StaleStage(TradeworthyError):
    """Somebody else moved the version first."""

    code = "stale_stage"


class StaleEpoch(TradeworthyError):
    """Somebody else activated a release first."""

    code = "stale_epoch"


class PreconditionFailed(TradeworthyError):
    """The If-Match header names a state that is no longer current."""

    code = "precondition_failed"


class PromotionRefused(TradeworthyError):
    """At least one gate of the policy did not pass; the details carry every gate.

    Its text says of each failed gate what was measured, what is required and what to do.
    """

    code = "promotion_refused"


class ApprovalRefused(TradeworthyError):
    """An approval by the version's author or trainer, or of content that is not complete."""

    code = "approval_refused"


class PolicyInvalid(TradeworthyError):
    """The policy file cannot be used: bad YAML, unknown key, wrong type, or a range left."""

    code = "policy_invalid"


class OverrideLoosensPolicy(TradeworthyError):
    """A request's override would loosen a threshold of a tighten-only policy."""

    code = "override_loosens_policy"


class FeatureLogicRefused(TradeworthyError):
    """Feature logic that the canonical hash cannot see through."""

    code = "feature_logic_refused"


class FeatureGraphInvalid(TradeworthyError):
    """Definitions that do not form a graph."""

    code = "feature_graph_invalid"


class FeatureCycle(FeatureGraphInvalid):
    """Features that depend on each other in a circle."""

    code = "feature_cycle"


class FeatureDependencyMissing(FeatureGraphInvalid):
    """A pinned dependency or a model input that no definition provides."""

    code = "feature_dependency_missing"


class FeatureConflict(FeatureGraphInvalid):
    """One feature name and version with two different logics."""

    code = "feature_conflict"


class FeatureGraphMismatch(TradeworthyError):
    """Running code, active release and what the model was trained on are not the same."""

    code = "feature_graph_mismatch"


class ReleaseInUse(TradeworthyError):
    """Activation would drop a feature that a PRODUCTION or standby version is bound to."""

    code = "release_in_use"


class ReleaseUnconfirmed(TradeworthyError):
    """The worker cannot confirm which release is active."""

    code = "release_unconfirmed"


class ManifestInvalid(TradeworthyError):
    """A manifest that is truncated, of an unknown schema version, or not what its digest says."""

    code = "manifest_invalid"


class DatasetInvalid(TradeworthyError):
    """Market data that cannot be read or breaks the rules of the bar format."""

    code = "dataset_invalid"


class StrategyInvalid(TradeworthyError):
    """A strategy file that cannot be loaded or lacks a part, or a training run that failed."""

    code = "strategy_invalid"


class ArtifactInvalid(TradeworthyError):
    """An artifact that is missing, tampered with, of a refused format, or does not load."""

    code = "artifact_invalid"


class ModelQuarantined(TradeworthyError):
    """The version was stopped by an operator or by the product; it does not predict."""

    code = "model_quarantined"


class PredictionLogFull(TradeworthyError):
    """The prediction log cannot take another record, so no prediction is answered."""

    code = "prediction_log_full"


class StoreUnavailable(TradeworthyError):
    """The database cannot be reached or answers with a failure."""

    code = "store_unavailable"


class ServiceStopping(TradeworthyError):
    """The service ends, and the request was not answered in the time that was left."""

    code = "service_stopping"


class HomeUnusable(TradeworthyError):
    """The home folder is missing, not writable, or not initialised."""

    code = "home_unusable"


class AddressInUse(TradeworthyError):
    """The port is taken by another program."""

    code = "address_in_use"


class SettingsInvalid(TradeworthyError):
    """A setting that is missing or malformed."""

    code = "settings_invalid"


class ServerUnreachable(TradeworthyError):
    """The server given by ``--server`` does not answer."""

    code = "server_unreachable"


def leaves() -> dict[str, type[TradeworthyError]]:
    """Return every error class by its code, the base class included."""
    found: dict[str, type[TradeworthyError]] = {}
    stack: list[type[TradeworthyError]] = [TradeworthyError]
    while stack:
        leaf = stack.pop()
        found[leaf.code] = leaf
        stack.extend(leaf.__subclasses__())
    return found


def rebuild(code: str, message: str, details: dict[str, object]) -> TradeworthyError:
    """Return the error that another process or a server answered with.

    A newer server may know codes that we do not: they stay in the message.

    Examples
    --------
    >>> rebuild("model_not_found", "no model 'm'", {})
    ModelNotFound("no model 'm'")
    >>> rebuild("market_closed", "come back tomorrow", {})
    TradeworthyError('market_closed: come back tomorrow')
    """
    known = leaves().get(code)
    error = TradeworthyError(f"{code}: {message}") if known is None else known(message)
    error.details = details
    return error


def title(error: type[TradeworthyError]) -> str:
    """Return what a kind of error is, in a sentence.

    Examples
    --------
    >>> title(ModelNotFound), title(TradeworthyError)
    ('No model of that name.', 'Something that nobody expected.')
    """
    return (error.__doc__ or error.code).strip().splitlines()[0]
