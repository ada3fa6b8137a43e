"""The product's public names, as the hash of users' logic knows them.

A hash holds the public name of what users' logic calls and its *semantics number*, never the path
of a file, so that files may move. What has no public name cannot be hashed and is refused.

- Whoever changes what a public name does for any input raises its number here and adds the digest
  of its new behaviour to ``tests/answers/public_behaviour.json``; a test compares them. Every
  feature and recipe that uses the name then has another hash. Numbers are never lowered or reused.
- Whoever makes a name public (in ``__all__`` of the package or of a room) adds it here with 1.
- Whoever moves a file changes nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tradeworthy import errors
from tradeworthy.features.logic.literals import names_in

PACKAGE = "tradeworthy"

SEMANTICS: Mapping[str, int] = MappingProxyType(
    {
        "tradeworthy.Client": 1,
        "tradeworthy.FeatureGraph": 1,
        "tradeworthy.ModelRegistry": 1,
        "tradeworthy.Stage": 1,
        "tradeworthy.Strategy": 1,
        "tradeworthy.TRANSITIONS": 1,
        "tradeworthy.__version__": 1,
        "tradeworthy.backtest.Costs": 1,
        "tradeworthy.backtest.performance_metrics": 1,
        "tradeworthy.dataset_hash": 1,
        "tradeworthy.drift.DriftMetrics": 1,
        "tradeworthy.drift.Floors": 1,
        "tradeworthy.drift.Severity": 1,
        "tradeworthy.drift.classify_severity": 1,
        "tradeworthy.drift.ks_statistic": 1,
        "tradeworthy.drift.mean_shift": 1,
        "tradeworthy.drift.population_stability_index": 1,
        "tradeworthy.drift.tail_shift": 1,
        "tradeworthy.drift.variance_shift": 1,
        "tradeworthy.errors": 1,
        "tradeworthy.feature": 1,
        "tradeworthy.features.compute_features": 1,
        "tradeworthy.features.look_ahead_report": 1,
        "tradeworthy.get_policy_for_model": 1,
        "tradeworthy.manifest.verify_manifest": 1,
        "tradeworthy.market_data.bar_table": 1,
        "tradeworthy.market_data.run_data_guards": 1,
        "tradeworthy.read_bars": 1,
        "tradeworthy.record_run": 1,
        "tradeworthy.run_backtest": 1,
        "tradeworthy.statistics.autocorrelation_adjusted_sharpe_ratio": 1,
        "tradeworthy.statistics.calmar_ratio": 1,
        "tradeworthy.statistics.combinatorial_purged_splits": 1,
        "tradeworthy.statistics.deflated_sharpe_ratio": 1,
        "tradeworthy.statistics.expected_maximum_sharpe": 1,
        "tradeworthy.statistics.expected_shortfall": 1,
        "tradeworthy.statistics.hit_rate": 1,
        "tradeworthy.statistics.max_drawdown": 1,
        "tradeworthy.statistics.minimum_track_record_length": 1,
        "tradeworthy.statistics.probabilistic_sharpe_ratio": 1,
        "tradeworthy.statistics.probability_of_backtest_overfitting": 1,
        "tradeworthy.statistics.sharpe_ratio": 1,
        "tradeworthy.statistics.sortino_ratio": 1,
        "tradeworthy.statistics.value_at_risk": 1,
        "tradeworthy.training.Estimator": 1,
        "tradeworthy.training.load_strategy": 1,
        "tradeworthy.training.training_table": 1,
        "tradeworthy.training_config_hash": 1,
    }
)
"""Public name to semantics number; that of ``errors`` holds for every class of error in it."""

_EFFECTS = {
    "io": "tradeworthy.Client tradeworthy.FeatureGraph tradeworthy.ModelRegistry "
    "tradeworthy.get_policy_for_model tradeworthy.manifest.verify_manifest tradeworthy.read_bars "
    "tradeworthy.record_run tradeworthy.training.load_strategy",
    "environment": "tradeworthy.__version__",
}
_EFFECT_OF = {name: effect for effect, names in _EFFECTS.items() for name in names.split()}


def _under(home: str, public_home: str, names: str) -> dict[str, str]:
    return {f"{home}.{name}": f"{public_home}.{name}" for name in names.split()}


OTHER_PATHS: Mapping[str, str] = MappingProxyType(
    {
        **_under("tradeworthy.features.feature_graph", PACKAGE, "FeatureGraph feature"),
        **_under("tradeworthy.manifest", PACKAGE, "dataset_hash training_config_hash"),
        **_under("tradeworthy.model_registry", PACKAGE, "ModelRegistry Stage TRANSITIONS"),
        **_under("tradeworthy.promotion.promotion_policy", PACKAGE, "get_policy_for_model"),
        **_under(
            "tradeworthy.drift.drift_detection",
            "tradeworthy.drift",
            "DriftMetrics Floors Severity classify_severity ks_statistic mean_shift "
            "population_stability_index tail_shift variance_shift",
        ),
    }
)
"""Other paths that stay, each with the public name that it stands for."""

_ERRORS = f"{PACKAGE}.errors"
_NAMES = {each: each for each in SEMANTICS if each != _ERRORS} | dict(OTHER_PATHS)
_NAMESPACES = {_ERRORS} | {
    ".".join(parts[:end])
    for parts in (each.split(".") for each in _NAMES)
    for end in range(1, len(parts))
}
_PUBLIC_BY_LAST = {each.rpartition(".")[2]: each for each in _NAMES.values()}
_CLASSES_OF_ERRORS = names_in(
    " ".join(
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.TradeworthyError)
    )
)


@dataclass(frozen=True, slots=True)
class PublicName:
    """A public function, class or constant of this product.

    Attributes
    ----------
    name
        Its one public name, whatever path it was imported by.
    semantics
        The number of its behaviour.
    """

    name: str
    semantics: int

    @property
    def effect(self) -> str | None:
        """The class of refusal of what it does besides computing; None for nothing."""
        return _EFFECT_OF.get(self.name)


def find_public(path: Sequence[str]) -> tuple[PublicName, int] | None:
    """Find the public name that a dotted path begins with, and how many of its parts that takes.

    Examples
    --------
    >>> find_public(["tradeworthy", "features", "feature_graph", "feature"])
    (PublicName(name='tradeworthy.feature', semantics=1), 4)
    >>> find_public(["tradeworthy", "Stage", "PRODUCTION"])
    (PublicName(name='tradeworthy.Stage', semantics=1), 2)
    >>> find_public(["tradeworthy", "statistics", "performance", "sharpe_ratio"])
    """
    for end in range(1, len(path) + 1):
        dotted = ".".join(path[:end])
        if dotted in _NAMES:
            name = _NAMES[dotted]
            return PublicName(name, SEMANTICS[name]), end
        if path[end - 1] in _CLASSES_OF_ERRORS and ".".join(path[: end - 1]) == _ERRORS:
            return PublicName(dotted, SEMANTICS[_ERRORS]), end
    return None


def is_namespace(dotted: str) -> bool:
    """Tell a package or module that public names stand in."""
    return dotted in _NAMESPACES


def public_name_for(path: Sequence[str]) -> str | None:
    """Find the public name of what a path of a file leads to, by the name that it ends with.

    Examples
    --------
    >>> public_name_for(["tradeworthy", "statistics", "performance", "sharpe_ratio"])
    'tradeworthy.statistics.sharpe_ratio'
    """
    for part in path[1:]:
        if part in _CLASSES_OF_ERRORS:
            return f"{_ERRORS}.{part}"
        if part in _PUBLIC_BY_LAST:
            return _PUBLIC_BY_LAST[part]
    return None
