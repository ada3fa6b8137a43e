"""What a version was made of: dataset, configuration, code, runtime, and the manifest of it all."""

from typing import TYPE_CHECKING

__all__ = [
    "dataset_hash",
    "training_config_hash",
    "verify_manifest",
]

if TYPE_CHECKING:
    from tradeworthy.manifest.config_hash import training_config_hash
    from tradeworthy.manifest.dataset_digest import dataset_hash
    from tradeworthy.manifest.files.verify import verify_manifest
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "dataset_hash": "tradeworthy.manifest.dataset_digest",
            "training_config_hash": "tradeworthy.manifest.config_hash",
            "verify_manifest": "tradeworthy.manifest.files.verify",
        },
    )
