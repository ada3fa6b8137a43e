"""Model governance for trading: the gate and the record between models and money."""

TYPE_CHECKING = False  # as type checkers know it; loading `typing` would take most of the time

__all__ = [
    "TRANSITIONS",
    "Client",
    "FeatureGraph",
    "ModelRegistry",
    "Stage",
    "Strategy",
    "__version__",
    "dataset_hash",
    "errors",
    "feature",
    "get_policy_for_model",
    "read_bars",
    "record_run",
    "run_backtest",
    "training_config_hash",
]

if TYPE_CHECKING:
    from tradeworthy import backtest as backtest
    from tradeworthy import drift as drift
    from tradeworthy import errors
    from tradeworthy import features as features
    from tradeworthy import manifest as manifest
    from tradeworthy import market_data as market_data
    from tradeworthy import model_registry as model_registry
    from tradeworthy import statistics as statistics
    from tradeworthy import training as training
    from tradeworthy.backtest.run import run_backtest
    from tradeworthy.base.version import __version__
    from tradeworthy.client.client import Client
    from tradeworthy.features.feature_graph import FeatureGraph, feature
    from tradeworthy.lifecycle.stages import TRANSITIONS, Stage
    from tradeworthy.manifest.config_hash import training_config_hash
    from tradeworthy.manifest.dataset_digest import dataset_hash
    from tradeworthy.market_data.files.bar_file import read_bars
    from tradeworthy.model_registry.models import ModelRegistry
    from tradeworthy.promotion.promotion_policy import get_policy_for_model
    from tradeworthy.recording.run_recorder import record_run
    from tradeworthy.training.strategy import Strategy
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "TRANSITIONS": "tradeworthy.lifecycle.stages",
            "Client": "tradeworthy.client.client",
            "FeatureGraph": "tradeworthy.features.feature_graph",
            "ModelRegistry": "tradeworthy.model_registry.models",
            "Stage": "tradeworthy.lifecycle.stages",
            "Strategy": "tradeworthy.training.strategy",
            "__version__": "tradeworthy.base.version",
            "dataset_hash": "tradeworthy.manifest.dataset_digest",
            "errors": "tradeworthy.errors",
            "feature": "tradeworthy.features.feature_graph",
            "get_policy_for_model": "tradeworthy.promotion.promotion_policy",
            "read_bars": "tradeworthy.market_data.files.bar_file",
            "record_run": "tradeworthy.recording.run_recorder",
            "run_backtest": "tradeworthy.backtest.run",
            "training_config_hash": "tradeworthy.manifest.config_hash",
        },
        rooms=(
            "backtest",
            "drift",
            "features",
            "manifest",
            "market_data",
            "model_registry",
            "statistics",
            "training",
        ),
    )
