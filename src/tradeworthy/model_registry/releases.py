"""Releases of features: registering them and moving the active one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradeworthy.access.roles import Action, Actor
from tradeworthy.errors import ManifestInvalid, RecordNotFound, ReleaseInUse, StaleEpoch
from tradeworthy.features.graph_diff import missing_nodes
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.features.in_place_edits import in_place_edits
from tradeworthy.features.release import Release, release_of
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.alignment import diff_in
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.promotion.advice import keep_beside
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.releases import Activation
from tradeworthy.store.ports.versions import VersionQuery
from tradeworthy.store.unit_of_work import Store, Unit, View

PAGE = 1000


@dataclass(frozen=True, slots=True)
class ActiveRelease:
    """Which release is active, since which epoch."""

    activation: Activation
    release: Release


def active_release(view: View) -> ActiveRelease | None:
    """Return the active release, None before the first activation."""
    activation = view.releases.activation()
    if activation is None:
        return None
    return ActiveRelease(activation, release_in(view, activation.release_digest))


def release_in(view: View, digest: str) -> Release:
    """Return a registered release.

    Raises
    ------
    RecordNotFound
        If there is none under that digest.
    """
    document = view.documents.get(digest)
    if document is None or document.kind != "release":
        raise RecordNotFound(f"no release {digest!r}: register it first", release=digest)
    return Release.from_json(document.content())


class Releases:
    """Registers releases and moves the epoch."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def register(self, snapshots: Sequence[Mapping[str, object]], *, actor: Actor) -> Release:
        """Keep a release made of feature graph snapshots.

        Raises
        ------
        FeatureGraphInvalid
            If a snapshot is not what its hashes say.
        FeatureConflict
            If one feature and version comes with two logics.
        Forbidden
            Unless the actor may register releases.
        """
        actor.require(Action.REGISTER_RELEASE)
        release = release_of(*(GraphSnapshot.from_json(dict(data)) for data in snapshots))
        body = json.dumps(release.to_json(), sort_keys=True).encode()
        with self._store.begin() as unit:
            unit.documents.add(Document(release.digest, "release", body), at=self._clock())
        return release

    def activate(
        self,
        digest: str,
        *,
        expected_epoch: int | None,
        reason: str,
        force: bool = False,
        actor: Actor,
    ) -> Activation:
        """Make a release the active one.

        Parameters
        ----------
        digest
            A registered release.
        expected_epoch
            The epoch the caller saw, 0 before the first; None takes whatever it is now.
        reason
            Why.
        force
            Drop features that PRODUCTION or standby versions are bound to; takes an admin.

        Raises
        ------
        ReleaseInUse
            If a PRODUCTION or standby version would lose a feature.
        StaleEpoch
            If somebody else activated a release meanwhile.
        Forbidden
            Unless the actor is an operator, with ``force`` an admin.
        """
        actor.require(Action.FORCE_RELEASE if force else Action.ACTIVATE_RELEASE)
        with self._store.begin() as unit:
            epoch = _checked_epoch(unit, digest, expected_epoch, force=force)
            activation = Activation(epoch + 1, digest, self._clock(), actor.name, reason)
            unit.releases.activate(activation)
        return activation


def _checked_epoch(unit: Unit, digest: str, expected_epoch: int | None, *, force: bool) -> int:
    """Return the epoch that is active now, if ``digest`` may become active after it."""
    release = release_in(unit, digest)
    # No version goes live between this look at what is bound and the end of the unit.
    current = unit.releases.reserve()
    epoch = current.epoch if current else 0
    if expected_epoch not in {None, epoch}:
        raise StaleEpoch(
            f"the active epoch is {epoch}, not {expected_epoch}: look at it again",
            expected=expected_epoch,
            actual=epoch,
        )
    if not force:
        _check_use(unit, release)
    return epoch


def _check_use(view: View, release: Release) -> None:
    edits: dict[str, int] = {}
    lost, files = {}, set()
    for model, version in bound_versions(view):
        manifest = manifest_of(view, version)
        missing = _missing(manifest, release)
        if missing:
            lost[f"{model} v{version.version}"] = missing
            files.add(manifest.code.feature_file or "FILE")
            edits |= _edits(manifest, release)
    if lost:
        losses = "; ".join(f"{who}: {', '.join(keys)}" for who, keys in lost.items())
        keep = (
            keep_beside(edits)
            if edits
            else (f"activate {', '.join(sorted(files))} of the home's strategies folder with it")
        )
        raise ReleaseInUse(
            f"this release lacks features that versions are bound to ({losses}): {keep}, retire "
            "the versions, or let an admin force it",
            lost=lost,
            files=sorted(files),
        )


def _edits(manifest: Manifest, release: Release) -> dict[str, int]:
    """Return what the release holds in another form than a version is bound to."""
    assert manifest.feature_graph is not None  # noqa: S101 - `_missing` has just read it
    names = {node.name for node in release.nodes.values()}
    edits = in_place_edits(diff_in(manifest.feature_graph, release.nodes), release.nodes)
    return {key: number for key, number in edits.items() if key.rpartition("@")[0] in names}


def bound_versions(view: View) -> list[tuple[str, VersionState]]:
    """Return PRODUCTION and standby versions, the ones that must stay able to predict."""
    bound = []
    for stage in (Stage.PRODUCTION, Stage.STAGING):
        after = ("", 0)
        while rows := view.versions.search(VersionQuery(stage=stage), after=after, limit=PAGE):
            bound += [(row.model, row.version) for row in rows if _stands_by(row.version)]
            after = (rows[-1].model, rows[-1].version.version)
    return bound


def _stands_by(version: VersionState) -> bool:
    return version.stage is Stage.PRODUCTION or version.left_production_at is not None


def _missing(manifest: Manifest, release: Release) -> list[str]:
    if manifest.feature_graph is None:
        raise ManifestInvalid(f"{manifest.file_name} has no feature graph")
    return list(missing_nodes(manifest.feature_graph, release))


def rollback_target(state: ModelState) -> VersionState | None:
    """Return the version that a rollback would bring back, None without a ready one."""
    standby = state.standby
    return None if standby is None or standby.quarantined else standby
