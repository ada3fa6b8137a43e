"""The client: every request a service takes, a method each, with typed answers.

A body is checked as the service checks it, before anything is sent; the rest the service checks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tradeworthy.base.digests import sha256_hex
from tradeworthy.client.answers import bodies_of, body_of
from tradeworthy.client.connection import JSON, Connection, segment
from tradeworthy.client.requests import Requests, checked
from tradeworthy.client.token_file import read_token
from tradeworthy.errors import InvalidInput
from tradeworthy.wire.approvals import ApproveVersion
from tradeworthy.wire.backtests import JudgedBacktest, RunBacktest
from tradeworthy.wire.bodies import RequestBody
from tradeworthy.wire.datasets import RegisteredDataset, StoredBlob
from tradeworthy.wire.drift import ScanDrift, StoredDriftReport
from tradeworthy.wire.history import ModelHistory
from tradeworthy.wire.identity import Identity
from tradeworthy.wire.jobs import AcceptedJob, JobProgress
from tradeworthy.wire.models import ListedModel, ModelStatus, NewModel, RegisteredModel
from tradeworthy.wire.policy import PastPolicy, PolicyInForce
from tradeworthy.wire.predictions import Predictions
from tradeworthy.wire.promotions import PromoteVersion, PromotionOutcome
from tradeworthy.wire.releases import ActivatedRelease, ActivateRelease, ListedRelease, NewRelease
from tradeworthy.wire.tokens import IssuedToken, ListedToken, NewToken
from tradeworthy.wire.verdicts import GivenVerdict
from tradeworthy.wire.versions import (
    DraftedVersion,
    RecordedManifest,
    SetTag,
    StatedReason,
    VersionDetail,
)

if TYPE_CHECKING:
    from tradeworthy.manifest.manifest import Manifest

_ML, _MODELS = "/api/v1/ml", "/api/v1/models"


class Client(Requests):
    """Speaks to a service: a server by its URL, or a home's own service in this process.

    Parameters
    ----------
    server
        A server's URL; it wins over a home. Where neither is given, ``TRADEWORTHY_SERVER``.
    home
        The home folder, where no server is named; by default ``TRADEWORTHY_HOME``.
    token, token_file
        The bearer token, or the file that holds it; by default ``TRADEWORTHY_TOKEN_FILE`` or
        ``TRADEWORTHY_TOKEN``.

    Raises
    ------
    SettingsInvalid
        For a URL that is none, or settings that cannot be used.
    Unauthenticated
        For a token file that cannot be read, or what cannot be a token.

    Examples
    --------
    As a trading system does::

        with Client(server="http://127.0.0.1:8765", token_file="trader.token") as client:
            graph_hash = client.status("index-trend").alignment.bound
            rows = [{"volatility": 0.011, "trend": 0.4}]
            answer = client.predict("index-trend", rows, feature_graph_hash=graph_hash)
            print(answer.version, answer.predictions)
    """

    def __init__(
        self,
        *,
        server: str | None = None,
        home: str | Path | None = None,
        token: str | None = None,
        token_file: str | Path | None = None,
    ) -> None:
        word = read_token(token_file, token, os.environ)
        if server is None and home is None:
            server = os.environ.get("TRADEWORTHY_SERVER")
        super().__init__(Connection.to(server=server, home=home, token=word))

    @classmethod
    def over(cls, connection: Connection) -> Self:
        """Return a client that speaks over a connection, which others may share."""
        client = cls.__new__(cls)
        client.connection = connection
        return client

    def __repr__(self) -> str:
        return f"<Client of {self.connection}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def whoami(self) -> Identity:
        """Return who the bearer of the token is, and what it may do."""
        return self._get(Identity, "/api/v1/whoami")

    def register_model(
        self, name: str, *, strategy: str, owner: str, tier: str = "standard"
    ) -> RegisteredModel:
        """Give a model its name."""
        body = checked(NewModel, name=name, strategy=strategy, owner=owner, tier=tier)
        return self._post(RegisteredModel, f"{_ML}/models", body)

    def models(self, *, after: str = "", limit: int = 100) -> list[ListedModel]:
        """List models by name; ``after`` is the last name of the page before."""
        return self._list(ListedModel, _MODELS, after=after, limit=limit)

    def status(self, model: str) -> ModelStatus:
        """Return where a model stands."""
        return self._get(ModelStatus, f"{_MODELS}/{_name(model)}/status")

    def policy(self, model: str) -> PolicyInForce:
        """Return the policy that a model is held to."""
        return self._get(PolicyInForce, f"{_ML}/{_name(model)}/policy")

    def past_policy(self, model: str, digest: str) -> PastPolicy:
        """Return a policy that a version was judged or approved under."""
        return self._get(PastPolicy, f"{_ML}/{_name(model)}/policies/{segment('digest', digest)}")

    def verdict(self, model: str, digest: str) -> GivenVerdict:
        """Return the verdict under which a version moved."""
        return self._get(GivenVerdict, f"{_ML}/{_name(model)}/verdicts/{segment('digest', digest)}")

    def history(self, model: str, *, at: datetime | str | None = None) -> ModelHistory:
        """Return a model as it stood at a time, now by default."""
        return self._get(ModelHistory, f"{_ML}/{_name(model)}/history", at=_written(at))

    def versions(self, model: str) -> list[VersionDetail]:
        """List every version of a model, oldest first."""
        return self._list(VersionDetail, f"{_MODELS}/{_name(model)}/versions")

    def version(self, model: str, version: int) -> VersionDetail:
        """Return one version."""
        return self._get(VersionDetail, _version(model, version))

    def search_versions(
        self,
        *,
        tags: Sequence[str] = (),
        stage: str | None = None,
        strategy: str | None = None,
        limit: int = 100,
    ) -> list[VersionDetail]:
        """Search versions by tags (``key=value``, all have to hold), stage and strategy."""
        query = {"stage": stage, "strategy": strategy, "limit": limit}
        return self._list(VersionDetail, f"{_ML}/versions", tag=[*tags] or None, **query)

    def draft_version(self, model: str, *, key: str | None = None) -> DraftedVersion:
        """Open the next version of a model; a key opens one version, however often it is sent."""
        answer = self.connection.post(f"{_ML}/{_name(model)}/versions", key=key)
        return body_of(DraftedVersion, answer)

    def record_manifest(self, model: str, version: int, text: bytes) -> RecordedManifest:
        """Attach its manifest to a draft."""
        path = f"{_version(model, version)}/manifest"
        answer = self.connection.send_bytes("PUT", path, text, JSON)
        return body_of(RecordedManifest, answer)

    def manifest(self, model: str, version: int) -> Manifest:
        """Return the manifest of a version.

        Raises
        ------
        ManifestInvalid
            If what comes back is none, or none that this release reads.
        FeatureGraphInvalid
            If the hashes of its feature graph do not fit.
        """
        # Only who asks for one waits for the reader of manifests to load.
        from tradeworthy.manifest.manifest import Manifest

        content = self.connection.get(f"{_version(model, version)}/manifest")
        return Manifest.from_json(json.dumps(content))

    def tag_version(self, model: str, version: int, key: str, value: str) -> VersionDetail:
        """Put a tag on a version."""
        return self._change(model, version, "tags", SetTag, key=key, value=value)

    def approve(
        self, model: str, version: int, content_digest: str, *, reason: str = ""
    ) -> VersionDetail:
        """Approve the content of a version for PRODUCTION."""
        fields = {"content_digest": content_digest, "reason": reason}
        return self._change(model, version, "approve", ApproveVersion, **fields)

    def retire(self, model: str, version: int, *, reason: str) -> VersionDetail:
        """Withdraw a version for good."""
        return self._change(model, version, "retire", StatedReason, reason=reason)

    def quarantine(self, model: str, version: int, *, reason: str) -> VersionDetail:
        """Stop a version: it keeps its stage and does not predict."""
        return self._change(model, version, "quarantine", StatedReason, reason=reason)

    def lift_quarantine(self, model: str, version: int, *, reason: str) -> VersionDetail:
        """Let a stopped version predict again."""
        return self._change(model, version, "lift-quarantine", StatedReason, reason=reason)

    def promote(
        self,
        model: str,
        version: int,
        target: str | None = None,
        *,
        overrides: Mapping[str, object] | None = None,
        reason: str = "",
        dry_run: bool = False,
    ) -> PromotionOutcome:
        """Move a version one stage forward or to RETIRED; a dry run only judges.

        Raises
        ------
        PromotionRefused
            With the verdict, every gate of it, in its details.
        """
        body = checked(
            PromoteVersion,
            version=version,
            target=target,
            overrides=overrides,
            reason=reason,
            dry_run=dry_run,
        )
        return self._post(PromotionOutcome, f"{_ML}/{_name(model)}/promote", body)

    def backtest(
        self,
        model: str,
        version: int,
        *,
        dataset_hash: str | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> JudgedBacktest:
        """Evaluate a version; ``costs`` are ``commission_bps`` and ``slippage_bps``."""
        body = checked(RunBacktest, version=version, dataset_hash=dataset_hash, costs=costs)
        return self._post(JudgedBacktest, f"{_ML}/{_name(model)}/backtest", body)

    def submit_backtest(
        self,
        model: str,
        version: int,
        *,
        dataset_hash: str | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> AcceptedJob:
        """Leave an evaluation to a running service; `job` says what came of it."""
        body = checked(RunBacktest, version=version, dataset_hash=dataset_hash, costs=costs)
        answer = self.connection.post(
            f"{_ML}/{_name(model)}/backtest", body, prefer="respond-async"
        )
        return body_of(AcceptedJob, answer)

    def job(self, job: str) -> JobProgress:
        """Return where a job stands, and what came of it."""
        return self._get(JobProgress, f"{_ML}/jobs/{segment('job', job)}")

    def upload_blob(self, data: bytes) -> StoredBlob:
        """Keep a file under its digest."""
        path = f"{_ML}/blobs/{sha256_hex(data)}"
        return body_of(StoredBlob, self.connection.send_bytes("PUT", path, data))

    def upload_dataset(self, name: str, data: bytes) -> RegisteredDataset:
        """Keep market data, CSV or Parquet, under the hash of its content."""
        answer = self.connection.send_bytes("POST", f"{_ML}/datasets", data, name=name)
        return body_of(RegisteredDataset, answer)

    def datasets(self) -> list[RegisteredDataset]:
        """List every dataset, oldest first."""
        return self._list(RegisteredDataset, f"{_ML}/datasets")

    def register_release(self, snapshots: Sequence[Mapping[str, object]]) -> ListedRelease:
        """Keep a release made of the JSON of feature graph snapshots."""
        body = checked(NewRelease, snapshots=[*snapshots])
        return self._post(ListedRelease, f"{_ML}/releases", body)

    def activate_release(
        self,
        release: str,
        *,
        expected_epoch: int | None = None,
        reason: str = "",
        force: bool = False,
    ) -> ActivatedRelease:
        """Make a release the active one."""
        body = checked(
            ActivateRelease,
            release=release,
            expected_epoch=expected_epoch,
            reason=reason,
            force=force,
        )
        return self._post(ActivatedRelease, f"{_ML}/releases/activate", body)

    def active_release(self) -> ActivatedRelease:
        """Return which release is active since when."""
        return self._get(ActivatedRelease, f"{_ML}/releases/active")

    def predict(
        self,
        model: str,
        rows: Sequence[Mapping[str, float]],
        *,
        feature_graph_hash: str,
        event_time: datetime | str | None = None,
    ) -> Predictions:
        """Predict with the version in PRODUCTION on rows of features that the caller computed.

        Only a running service predicts.
        """
        for index, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise InvalidInput(
                    f"row {index} is no mapping from the model's inputs to numbers: of a polars "
                    "table give table.to_dicts(), of a pandas one table.to_dict('records')",
                    field="rows",
                )
        body: dict[str, object] = {"rows": [*rows], "feature_graph_hash": feature_graph_hash}
        if event_time is not None:
            body["event_time"] = _written(event_time)
        return self._post(Predictions, f"{_MODELS}/{_name(model)}/predict", body)

    def scan_drift(
        self, *, model: str | None = None, as_of: datetime | str | None = None
    ) -> list[StoredDriftReport]:
        """Scan every slot that is due and return the reports that are new."""
        body = checked(ScanDrift, model=model, as_of=_written(as_of))
        answer = self.connection.post(f"{_ML}/drift/scans", body)
        return bodies_of(StoredDriftReport, answer)

    def drift_reports(
        self, model: str, *, version: int | None = None, limit: int = 100
    ) -> list[StoredDriftReport]:
        """List a model's drift reports, newest slot first."""
        path = f"{_ML}/{_name(model)}/drift/reports"
        return self._list(StoredDriftReport, path, version=version, limit=limit)

    def issue_token(
        self, actor: str, roles: Sequence[str], *, strategies: Sequence[str] | None = None
    ) -> IssuedToken:
        """Issue a token, for some strategies or for all; the answer alone shows it."""
        scope = None if strategies is None else [*strategies]
        body = checked(NewToken, actor=actor, roles=[*roles], strategies=scope)
        return self._post(IssuedToken, f"{_ML}/tokens", body)

    def tokens(self) -> list[ListedToken]:
        """List every token, oldest first, without the tokens themselves."""
        return self._list(ListedToken, f"{_ML}/tokens")

    def rotate_token(self, token_id: str) -> IssuedToken:
        """Replace a token by a new one for the same actor."""
        return self._post(IssuedToken, f"{_ML}/tokens/{segment('token_id', token_id)}/rotate")

    def revoke_token(self, token_id: str) -> None:
        """Revoke a token."""
        self.connection.post(f"{_ML}/tokens/{segment('token_id', token_id)}/revoke")

    def _change(
        self, model: str, version: int, what: str, kind: type[RequestBody], **fields: object
    ) -> VersionDetail:
        path = f"{_version(model, version)}/{what}"
        return self._post(VersionDetail, path, checked(kind, **fields))


def _written(moment: datetime | str | None) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else moment


def _name(model: str) -> str:
    return segment("model", model)


def _version(model: str, version: int) -> str:
    return f"{_ML}/{_name(model)}/versions/{segment('version', version)}"
