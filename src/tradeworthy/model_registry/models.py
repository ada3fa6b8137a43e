"""The registry's use cases: every way a model or a version can change, and who may do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tradeworthy.access.roles import Action, Actor
from tradeworthy.base.digests import json_digest
from tradeworthy.errors import InvalidInput, ManifestInvalid
from tradeworthy.lifecycle.commands import (
    DraftVersion,
    LiftQuarantine,
    Quarantine,
    RecordManifest,
    RegisterModel,
    Retire,
)
from tradeworthy.lifecycle.events import Event, VersionDrafted
from tradeworthy.lifecycle.names import check_name
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState, version_of
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.approvals import Approvals
from tradeworthy.model_registry.changes import (
    Change,
    change_model,
    read_model,
)
from tradeworthy.model_registry.manifests import artifact_digest, check_identity
from tradeworthy.model_registry.policies import Policies
from tradeworthy.model_registry.promotion_request import PromotionRequest
from tradeworthy.model_registry.promotions import Promotions
from tradeworthy.promotion.plan import PromotionPlan
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.models import ModelRecord
from tradeworthy.store.unit_of_work import Store, Unit

RESERVED_NAMES = frozenset(
    {"blobs", "datasets", "drift", "jobs", "models", "policy", "releases", "tokens", "versions"}
)


class ModelRegistry:
    """The one place through which models and versions change; a `Client` speaks to it.

    A service puts it together. Users reach it by ``tradeworthy.Client(home="home")``, whose methods
    are its use cases, with a token's rights.

    Parameters
    ----------
    store
        Where events and states are kept.
    blobs
        Where artifact files are kept.
    policies
        What each model is held to.
    promotions, approvals
        The use cases of these names.
    clock
        The time now, UTC.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobFolder,
        policies: Policies,
        promotions: Promotions,
        approvals: Approvals,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._policies = policies
        self._promotions = promotions
        self._approvals = approvals
        self._clock = clock

    def register_model(
        self, model: str, *, strategy: str, owner: str, tier: str, actor: Actor
    ) -> ModelState:
        """Give a model its name.

        Raises
        ------
        AlreadyExists
            If the name is taken.
        InvalidInput
            If the model's or the strategy's name cannot be one, or the policy has no such tier.
        Forbidden
            Unless the actor is a researcher for the strategy.
        """
        actor.require(Action.REGISTER_MODEL, strategy)
        check_name(model, "model")
        check_name(strategy, "strategy")
        if model in RESERVED_NAMES:
            raise InvalidInput(f"{model!r} names a part of the service: choose another name")
        self._policies.check_tier(tier)
        with self._store.read() as view:
            record = view.models.get(model) or ModelRecord(ModelState(model), 0)
        self._change(record, Change(RegisterModel(strategy, owner, tier)), actor)
        return self.model(model).state

    def draft_version(self, model: str, *, actor: Actor) -> int:
        """Open the next version of a model and return its number.

        Raises
        ------
        ModelNotFound
            If there is no such model.
        Forbidden
            Unless the actor is a researcher for its strategy.
        """
        actor.require(Action.DRAFT_VERSION)
        record = self._authorised(model, Action.DRAFT_VERSION, actor)
        (event,) = self._change(record, Change(DraftVersion()), actor)
        assert isinstance(event.body, VersionDrafted)  # noqa: S101 - what the command decides
        return event.body.version

    def record_manifest(
        self, model: str, version: int, text: bytes, *, actor: Actor
    ) -> VersionState:
        """Attach its manifest to a draft; return the version with the manifest's digests.

        Raises
        ------
        ManifestInvalid
            If the manifest is broken, contradicts itself, is of another version, or names a file
            that was not uploaded.
        FeatureGraphInvalid
            If its feature graph's own hashes do not fit.
        ArtifactInvalid
            If one of its files is not what its digest says.
        InvalidTransition
            Unless the version is a DRAFT.
        Forbidden
            Unless the actor is a researcher for the strategy.
        """
        actor.require(Action.RECORD_MANIFEST)
        record = self._authorised(model, Action.RECORD_MANIFEST, actor)
        version_of(record.state, version)
        manifest = Manifest.from_json(text)
        check_identity(manifest, record.state, version)
        self._check_files(manifest)
        digest, artifact = manifest.digest, artifact_digest(manifest)
        content = json_digest("content/v1", {"manifest": digest, "artifact": artifact})
        document = Document(digest, "manifest", manifest.to_json().encode())
        command = RecordManifest(version, digest, artifact, content)

        def keep(unit: Unit, events: Sequence[Event]) -> None:
            unit.documents.add(document, at=events[0].at)

        self._change(record, Change(command, keep), actor)
        return self.model(model).state.versions[version]

    def plan_promotion(self, request: PromotionRequest, *, actor: Actor) -> PromotionPlan:
        """Tell what a promotion would be judged as, without doing it.

        As `Promotions.plan`, with the errors that it raises.
        """
        return self._promotions.plan(request, actor=actor)

    def promote(self, request: PromotionRequest, *, actor: Actor) -> PromotionPlan:
        """Move a version one stage forward, or withdraw it, if its gates pass.

        As `Promotions.promote`, with the errors that it raises.
        """
        return self._promotions.promote(request, actor=actor)

    def approve(
        self,
        model: str,
        version: int,
        target: Stage,
        content_digest: str,
        *,
        reason: str = "",
        actor: Actor,
    ) -> VersionState:
        """Approve the content of a version for a stage under the policy in force.

        As `Approvals.approve`, with the errors that it raises.
        """
        self._approvals.approve(model, version, target, content_digest, reason=reason, actor=actor)
        return self.model(model).state.versions[version]

    def retire(self, model: str, version: int, *, reason: str, actor: Actor) -> VersionState:
        """Withdraw a version for good.

        Raises
        ------
        InvalidInput
            Without a reason.
        InvalidTransition
            If it is RETIRED already.
        Forbidden
            Unless the actor is an operator for the strategy.
        """
        actor.require(Action.RETIRE)
        record = self._authorised(model, Action.RETIRE, actor)
        return self._write_version(record, Retire(version), actor, reason)

    def quarantine(self, model: str, version: int, *, reason: str, actor: Actor) -> VersionState:
        """Stop a version: it keeps its stage and does not predict.

        Raises
        ------
        InvalidInput
            Without a reason.
        Forbidden
            Unless the actor is an operator for the strategy.
        """
        actor.require(Action.QUARANTINE)
        record = self._authorised(model, Action.QUARANTINE, actor)
        return self._write_version(record, Quarantine(version), actor, reason)

    def lift_quarantine(
        self, model: str, version: int, *, reason: str, actor: Actor
    ) -> VersionState:
        """Let a stopped version predict again.

        Raises
        ------
        InvalidInput
            Without a reason.
        InvalidTransition
            Unless it is quarantined.
        Forbidden
            Unless the actor is an operator for the strategy.
        """
        actor.require(Action.QUARANTINE)
        record = self._authorised(model, Action.QUARANTINE, actor)
        return self._write_version(record, LiftQuarantine(version), actor, reason)

    def tag(self, model: str, version: int, key: str, value: str, *, actor: Actor) -> None:
        """Put a tag on a version.

        Raises
        ------
        Forbidden
            Unless the actor is a researcher for the strategy.
        """
        actor.require(Action.DRAFT_VERSION)
        record = self._authorised(model, Action.DRAFT_VERSION, actor)
        self._write_version(record, Tag(version, key, value), actor, "")

    def model(self, model: str) -> ModelRecord:
        """Return a model's state and revision.

        Raises
        ------
        ModelNotFound
            If there is no such model.
        """
        return read_model(self._store, model)

    def _authorised(self, model: str, action: Action, actor: Actor) -> ModelRecord:
        record = self.model(model)
        actor.require(action, record.state.strategy)
        return record

    def _write_version(
        self,
        record: ModelRecord,
        command: Retire | Quarantine | LiftQuarantine | Tag,
        actor: Actor,
        reason: str,
    ) -> VersionState:
        self._change(record, Change(command), actor, reason)
        return self.model(record.state.name).state.versions[command.version]

    def _change(
        self, record: ModelRecord, change: Change, actor: Actor, reason: str = ""
    ) -> tuple[Event, ...]:
        return change_model(
            self._store,
            record,
            lambda _: change,
            actor=actor.name,
            now=self._clock(),
            reason=reason,
        )

    def _check_files(self, manifest: Manifest) -> None:
        for file in manifest.files:
            if not self._blobs.has(file.sha256):
                raise ManifestInvalid(
                    f"{manifest.file_name} names the file {file.name!r} ({file.sha256}), which was "
                    "not uploaded: upload it first",
                    file=file.name,
                )
            data = self._blobs.read(file.sha256)
            if len(data) != file.size:
                raise ManifestInvalid(
                    f"file {file.name!r} has {len(data)} bytes, its manifest says {file.size}",
                    file=file.name,
                )
