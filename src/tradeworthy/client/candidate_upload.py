"""Putting a trained candidate on the record: draft, files, manifest, TRAINED."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from tradeworthy.access.roles import Action
from tradeworthy.client.client import Client
from tradeworthy.client.rights import check_right
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.errors import (
    AlreadyExists,
    HomeUnusable,
    IdempotencyConflict,
    PromotionRefused,
    ServerUnreachable,
    StrategyInvalid,
)
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.manifest.completeness import missing_fields
from tradeworthy.manifest.dataset_digest import dataset_hash
from tradeworthy.manifest.files.manifest_file import write_manifest
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.market_data.bars import bar_arrays
from tradeworthy.market_data.files.bar_file import read_bars
from tradeworthy.promotion.advice import filled_in
from tradeworthy.promotion.gates.policy import CONCERN, PolicyFacts
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import PolicyValue
from tradeworthy.training.run_record import Candidate, MarketData
from tradeworthy.wire.datasets import RegisteredDataset
from tradeworthy.wire.versions import VersionDetail

# The parts of a manifest that a script records, by the call of the run that does it.
_RECORDED_BY = {
    "run.strategy(FILE) or run.features(FILE, inputs=...)": {
        "feature_graph_hash",
        "feature_graph",
        "inputs",
    },
    "run.config(...)": {"training_config_hash", "config"},
    "run.dataset(...)": {"dataset_hash", "dataset"},
    "run.estimator(...) or run.artifact(...)": {"files"},
}
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RecordedVersion:
    """A version on the record; ``manifest`` is the file that its manifest was written to."""

    model: str
    version: int
    stage: Stage
    manifest: Path
    manifest_digest: str
    content_digest: str


def market_data(path: Path) -> MarketData:
    """Read bars and hash them.

    Raises
    ------
    DatasetInvalid
        If the file is no market data, or none that a backtest can trade on.
    """
    bars = read_bars(path)
    bar_arrays(bars)
    return MarketData(path.name, bars, dataset_hash(bars))


def training_windows(client: Client, model: str) -> Windows:
    """Return the windows that the model's policy will watch it with.

    Raises
    ------
    ModelNotFound
        If the model is not registered.
    PromotionRefused
        If the policy judges nothing, so that no version becomes TRAINED.
    """
    values = _judging_policy(client, model)
    sessions = (values["drift.current_sessions"], values["drift.reference_sessions"])
    return Windows(*cast("tuple[int, int]", sessions))


def _judging_policy(client: Client, model: str) -> Mapping[str, object]:
    """Return the values of the model's policy, if it lets versions become TRAINED at all."""
    policy = client.policy(model)
    values = cast("Mapping[str, PolicyValue]", policy.values)
    for gate in CONCERN.gates:
        result = gate.check(PolicyFacts(), Policy(values, policy.origins))
        if not result.lets_through:
            raise PromotionRefused(
                f"the gate {result.gate} refuses every version of {model}, since {result.reason}: "
                f"{filled_in(result.advice or '', model, 0)}; nothing was drafted"
            )
    return values


def recordable_strategy(client: Client, model: str) -> str:
    """Return the strategy that a model belongs to, if the client may record versions of it.

    Raises
    ------
    ModelNotFound
        If the model is not registered.
    Forbidden
        Unless the token is a researcher's, for this strategy.
    """
    strategy = client.status(model).strategy
    # Uploads, the draft and the step to TRAINED take the same role.
    check_right(client, Action.RECORD_MANIFEST, strategy)
    return strategy


def check_strategy(model: str, expected: str, actual: str) -> None:
    """Raise ``StrategyInvalid`` unless a strategy is the one that the model belongs to."""
    if actual != expected:
        raise StrategyInvalid(
            f"model {model!r} belongs to strategy {expected!r}, and this is {actual!r}: name "
            "another model, or register one for this strategy: `tradeworthy models register MODEL "
            f"--strategy {actual} --owner OWNER`"
        )


def strategy_root(client: Client, strategies: Path, file: Path) -> Path | None:
    """Return the folder that a strategy file's name is recorded from, None for the file's own.

    Parameters
    ----------
    client
        Speaks to where the version will be recorded.
    strategies
        The strategies folder of the home.
    file
        The strategy file.

    Raises
    ------
    StrategyInvalid
        If backtests of this home will not find the file: it does not lie in that folder, nor
        does a copy of it.
    """
    folder, place = strategies.resolve(), file.resolve()
    if place.is_relative_to(folder):
        return folder
    copy = folder / place.name
    deployed = copy.is_file()
    # A server has a strategies folder of its own; what is no file is refused when it is read.
    if not client.connection.in_process or not place.is_file():
        return None
    if deployed and copy.read_bytes() == place.read_bytes():
        return None
    raise StrategyInvalid(
        f"{file} does not lie in {folder}, where backtests look for it"
        + (f", and {copy} is another file" if deployed else "")
        + f": copy it there with the files that it imports, and name {copy} instead"
    )


def record_version(
    client: Client, model: str, candidate: Candidate, data: Iterable[MarketData], folder: Path
) -> RecordedVersion:
    """Give a candidate a version, upload its files and manifest, and promote it to TRAINED.

    What can be checked is checked before the version is drafted: a run that is refused takes no
    number. Where the connection breaks after that, recording the same run again continues its
    version.

    Parameters
    ----------
    client
        Speaks to the registry as a researcher.
    model
        The model's name.
    candidate, data
        What was trained, on what.
    folder
        Where the manifest is written besides.

    Raises
    ------
    PromotionRefused
        If the manifest lacks what a TRAINED version needs, or the policy judges nothing.
    HomeUnusable, AlreadyExists
        If the manifest cannot be written into the folder.
    TradeworthyError
        Whatever else the registry refuses with.
    """
    check_strategy(model, recordable_strategy(client, model), candidate.strategy)
    _judging_policy(client, model)
    run = _unnumbered(candidate, model)
    _check_complete(run)
    number = max((each.version for each in client.versions(model)), default=0) + 1
    _check_place(folder / _unnumbered(candidate, model, number).file_name)
    for each in data:
        upload_dataset(client, each)
    if candidate.artifact is not None:
        client.upload_blob(candidate.artifact.data)
    drafted = _drafted(client, model, run.digest)
    try:
        return _trained(client, drafted, candidate, folder)
    except ServerUnreachable as error:
        raise ServerUnreachable(
            f"{error.message}; version {drafted.version} of {model} was drafted by then: record "
            "the same run again, which continues it while it is a DRAFT",
            **error.details,
        ) from error


def _check_complete(run: Manifest) -> None:
    """Ask beforehand what the gate before TRAINED will."""
    if missing := missing_fields(run):
        parts = {each.partition(".")[0] for each in missing}
        calls = [call for call, fields in _RECORDED_BY.items() if parts & fields]
        raise PromotionRefused(
            f"the gate manifest_complete refuses a version that lacks {', '.join(missing)}: "
            f"record it by {', '.join(calls)} and run again; nothing was drafted",
            missing=list(missing),
        )


def _unnumbered(candidate: Candidate, model: str, number: int = 1) -> Manifest:
    """Return the manifest that a candidate would have, but for what drafting decides."""
    return candidate.manifest(model, number, created_at=_ANY_TIME, created_by="candidate")


def check_folder(folder: Path) -> None:
    """Raise ``HomeUnusable`` unless a manifest can be written into a folder."""
    try:
        # What a folder's modes say is not enough: it may lie on a full or read-only disk.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise HomeUnusable(
            f"no manifest can be written into the folder {folder}: {error.strerror}"
        ) from error


def _check_place(path: Path) -> None:
    check_folder(path.parent)
    if path.exists():
        raise AlreadyExists(
            f"{path} is there already, from another home or database: write manifests into "
            "another folder"
        )


def _drafted(client: Client, model: str, run: str) -> VersionDetail:
    """Return a draft for a run: the one that an earlier attempt left, or a new one.

    The run's digest and a count make the key of the draft; finished versions of the same run are
    passed over.
    """
    count = 0
    while True:
        count += 1
        with suppress(IdempotencyConflict):
            number = client.draft_version(model, key=f"{run}-{count}").version
            drafted = client.version(model, number)
            if drafted.stage is Stage.DRAFT:
                return drafted


def _trained(
    client: Client, drafted: VersionDetail, candidate: Candidate, folder: Path
) -> RecordedVersion:
    manifest = candidate.manifest(
        drafted.model,
        drafted.version,
        created_at=drafted.created_at.astimezone(UTC),
        created_by=drafted.author,
    )
    recorded = client.record_manifest(drafted.model, drafted.version, manifest.to_json().encode())
    stage = client.promote(drafted.model, drafted.version, Stage.TRAINED).target
    return RecordedVersion(
        model=drafted.model,
        version=drafted.version,
        stage=stage,
        # Last: a new file in the folder of the code would make another run of the next attempt.
        manifest=write_manifest(manifest, folder),
        manifest_digest=recorded.manifest_digest,
        content_digest=recorded.content_digest,
    )


def upload_dataset(client: Client, data: MarketData) -> RegisteredDataset:
    """Upload market data unless the registry has it; return what it has."""
    for dataset in client.datasets():
        if dataset.dataset_hash == data.dataset_hash:
            return dataset
    buffer = io.BytesIO()
    data.bars.write_parquet(buffer)
    return client.upload_dataset(data.name, buffer.getvalue())
