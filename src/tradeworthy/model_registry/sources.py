"""Where the facts about a version come from: what the registry keeps, and the code that runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradeworthy.errors import InvalidInput, ManifestInvalid, TradeworthyError
from tradeworthy.features.in_place_edits import in_place_edits
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.alignment import Alignment, compare, diff_in
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.model_registry.releases import active_release, bound_versions
from tradeworthy.model_registry.running_code import RunningCode
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.unit_of_work import Store

if TYPE_CHECKING:
    from tradeworthy.artifacts.predictor import CheckedPredictor


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the facts about a version come from.

    Parameters
    ----------
    store, blobs
        What the registry keeps.
    code
        The feature code of this deployment.
    """

    store: Store
    blobs: BlobFolder
    code: RunningCode

    def alignment(self, manifest: Manifest) -> Alignment:
        """Compare a version's features with the active release and the running code.

        Raises
        ------
        ManifestInvalid
            If the manifest records no feature graph.
        """
        bound = manifest.feature_graph
        if bound is None:
            raise ManifestInvalid(
                f"{manifest.file_name} records no feature graph: train from a feature file",
                field="feature_graph",
            )
        with self.store.read() as view:
            active = active_release(view)
        running, unreadable = None, None
        try:
            file = manifest.code.feature_file
            if file is None:
                unreadable = "the manifest names no feature file"
            else:
                running = self.code.graph(file).nodes
        except TradeworthyError as error:
            unreadable = error.message
        found = compare(bound, active.release.nodes if active else None, running, unreadable)
        if found.active == found.bound:
            return found
        with self.store.read() as view:
            used = [manifest_of(view, version) for _, version in bound_versions(view)]
        files = dict.fromkeys(each.code.feature_file for each in (manifest, *used))
        places = tuple(str(self.code.place(file)) for file in files if file is not None)
        return replace(found, release_files=places, in_use=self._edits(used))

    def _edits(self, used: Sequence[Manifest]) -> dict[str, int]:
        """Return what the running code lacks of live versions: no release of it may be active."""
        edits: dict[str, int] = {}
        for manifest in used:
            file, bound = manifest.code.feature_file, manifest.feature_graph
            if file is not None and bound is not None:
                with suppress(TradeworthyError):
                    nodes = self.code.graph(file).nodes
                    edits |= in_place_edits(diff_in(bound, nodes), nodes)
        return edits

    def predictor(self, manifest: Manifest) -> CheckedPredictor:
        """Load a version's artifact.

        Raises
        ------
        ArtifactInvalid
            If it is missing, tampered with or does not load.
        """
        # Whoever only compares hashes needs no library of models.
        from tradeworthy.model_registry.artifact_file import load_artifact

        if not manifest.files:
            raise InvalidInput(f"{manifest.file_name} names no artifact file")
        return load_artifact(manifest, self.blobs.read(manifest.files[0].sha256))
