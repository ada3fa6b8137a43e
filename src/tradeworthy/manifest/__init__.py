"""What a version was made of: dataset, configuration, code, runtime, and the manifest of it all."""

from typing import TYPE_CHECKING

__all__ = [
    "verify_manifest",
]

if TYPE_CHECKING:
    from tradeworthy.manifest.files.verify import verify_manifest
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "verify_manifest": "tradeworthy.manifest.files.verify",
        },
    )
