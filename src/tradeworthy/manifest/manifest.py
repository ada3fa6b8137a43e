"""The manifest of one version: valid by construction, with its canonical bytes and its digest.

The canonical bytes are JSON with sorted keys and without spaces. RFC 8785 would write 1.0 as 1 and
so lose what the hash of the configuration rests on; numbers keep their type here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from tradeworthy.base.digests import tagged_digest
from tradeworthy.errors import ManifestInvalid
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.manifest.consistency import inconsistencies
from tradeworthy.manifest.manifest_fields import (
    FIELD_NAMES,
    ManifestFields,
    UncheckedManifest,
    compact_json,
    parse_manifest,
)


@dataclass(frozen=True, slots=True)
class Manifest(ManifestFields[GraphSnapshot]):
    """The manifest of one version of one model; None is what was not recorded.

    There is no invalid one: what is made in Python is read back from its own text, so that it is
    held to the same rules as a file, and shares no mapping with the caller.

    Attributes
    ----------
    feature_graph
        The features that the version is bound to, every hash of them recomputed.
    canonical_bytes
        The one byte string that the digest covers. It does not depend on spaces, on the order of
        keys, or on whether nulls are written out.
    digest
        64 hexadecimal characters.

    Raises
    ------
    ManifestInvalid
        As for `from_json`.
    FeatureGraphInvalid
        As for `from_json`.

    Examples
    --------
    >>> manifest = Manifest(model="momentum", version=3, strategy="trend", metrics={"sharpe": 1.0})
    >>> Manifest.from_json(manifest.to_json()) == manifest
    True
    >>> manifest.file_name
    'momentum-v3.manifest.json'
    >>> spaced = '{"model": "momentum", "strategy": "trend", "version": 3, "schema_version": 1, '
    >>> Manifest.from_json(spaced + '"metrics": {"sharpe": 1}}').digest == manifest.digest
    True
    >>> Manifest(model="momentum", version=0, strategy="trend")
    Traceback (most recent call last):
    ...
    tradeworthy.errors.ManifestInvalid: the manifest's field version must be at least 1; see \
manifest.schema.json
    """

    canonical_bytes: bytes = field(init=False, repr=False, compare=False)
    digest: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Become what reading its text gives."""
        self._become(parse_manifest(compact_json(self)))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a manifest.

        Raises
        ------
        ManifestInvalid
            For text that is not JSON (broken, truncated, NaN, a key twice), an unknown schema
            version or key, a field of another type, or a hash that does not fit what stands
            beside it.
        FeatureGraphInvalid
            If the feature graph's own hashes do not fit.
        """
        return cls.checked(parse_manifest(text))

    @classmethod
    def checked(cls, manifest: UncheckedManifest) -> Self:
        """Return the manifest that was read, if it fits itself.

        Raises
        ------
        ManifestInvalid
            If a hash does not fit what stands beside it.
        FeatureGraphInvalid
            If the feature graph's own hashes do not fit.
        """
        valid = object.__new__(cls)
        valid._become(manifest)
        return valid

    def to_json(self) -> str:
        """Return readable JSON, two spaces deep, keys sorted, newline at the end."""
        content = json.loads(self.canonical_bytes)
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"

    def _become(self, manifest: UncheckedManifest) -> None:
        for name, detail in inconsistencies(manifest):
            raise ManifestInvalid(f"manifest {manifest.file_name}: {name} {detail}", field=name)
        values = {name: getattr(manifest, name) for name in FIELD_NAMES}
        if manifest.feature_graph is not None:
            values["feature_graph"] = GraphSnapshot.from_json(manifest.feature_graph)
        values["canonical_bytes"] = compact_json(manifest).encode()
        values["digest"] = tagged_digest("manifest/v1", values["canonical_bytes"])
        for name, value in values.items():
            object.__setattr__(self, name, value)
