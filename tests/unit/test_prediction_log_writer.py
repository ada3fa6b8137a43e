"""Whatever was answered is found again; whatever is damaged is reported, never believed."""

import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import HomeUnusable, PredictionLogFull
from tradeworthy.prediction_log.reader import Cursor, read_from, to_columns
from tradeworthy.prediction_log.segments import (
    Damage,
    Frame,
    Origin,
    OriginDeclared,
    Predicted,
    SegmentStarted,
    frame,
    read_frames,
    seal_of,
    segment_name,
)
from tradeworthy.prediction_log.writer import PredictionLog

NOW = 1_700_000_000_000_000_000


def origin(
    version: int = 1, inputs: tuple[str, ...] = ("a", "b"), model: str = "m", epoch: int = 3
) -> Origin:
    return Origin(model, version, "d" * 64, "e" * 64, "f" * 64, "f" * 64, epoch, inputs)


def append(
    log: PredictionLog,
    made_by: Origin | None = None,
    *,
    rows: Sequence[Sequence[float]] = ((1.0, 2.0),),
    now: int = NOW,
    event_time: int = 5,
) -> Coroutine[Any, Any, list[str]]:
    matrix = np.array(rows)
    return log.append(
        log.declare(made_by or origin()),
        now=now,
        event_time=event_time,
        actor="ada",
        rows=matrix,
        outputs=matrix.sum(axis=1),
    )


def write(log: PredictionLog, count: int, **options: Any) -> list[str]:
    async def work() -> list[str]:
        return [(await append(log, rows=[[i, i]], **options))[0] for i in range(count)]

    return asyncio.run(work())


@pytest.fixture(params=["strict", "fast"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PredictionLog]:
    log = PredictionLog(tmp_path, mode=request.param)
    yield log
    log.close()


def test_everything_about_a_prediction_is_read_back(log: PredictionLog) -> None:
    rows = ((1.0, -0.0), (5e-324, 1.7e308))

    async def work() -> list[str]:
        return await append(log, rows=rows, event_time=-7)

    ids = asyncio.run(work())
    (record,) = read_from(log.folder).records
    assert record.prediction_ids == ids
    assert record.rows.tobytes() == np.array(rows).tobytes()
    assert record.outputs.tolist() == [1.0, 1.7e308]
    assert (record.time, record.event_time, record.actor) == (NOW, -7, "ada")
    assert record.origin == origin()


def test_ids_are_unique_and_sort_by_time(log: PredictionLog, tmp_path: Path) -> None:
    other = PredictionLog(tmp_path / "other")
    ids = [
        identifier
        for now in range(NOW, NOW + 5_000_000, 1_000_000)
        for each in (log, other)
        for identifier in write(each, 20, now=now)
    ]
    assert len(set(ids)) == len(ids)
    assert [identifier[:12] for identifier in ids] == sorted(identifier[:12] for identifier in ids)
    other.close()


def test_rows_of_one_request_have_ids_of_their_own(log: PredictionLog) -> None:
    async def work() -> list[list[str]]:
        return [await append(log, rows=[[i, i]] * count) for i, count in enumerate((3, 1, 4, 2))]

    answers = asyncio.run(work())
    assert [len(ids) for ids in answers] == [3, 1, 4, 2]
    every = [identifier for ids in answers for identifier in ids]
    assert every == sorted(set(every))
    assert [record.prediction_ids for record in read_from(log.folder).records] == answers


def test_requests_that_wait_together_share_one_group(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)

    async def work() -> list[list[str]]:
        return await asyncio.gather(*(append(log, rows=[[i, 0]]) for i in range(500)))

    ids = asyncio.run(work())
    log.close()
    records = read_from(tmp_path).records
    assert [record.prediction_ids for record in records] == ids
    assert log.pending == 0


def test_full_queue_refuses_and_records_nothing_of_it(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, max_pending=3)

    async def work() -> list[list[str] | BaseException]:
        return await asyncio.gather(*(append(log) for _ in range(5)), return_exceptions=True)

    answers = asyncio.run(work())
    log.close()
    assert [isinstance(answer, PredictionLogFull) for answer in answers] == [False] * 3 + [True] * 2
    assert len(read_from(tmp_path).records) == 3


def test_answer_whose_client_left_is_recorded(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)

    async def work() -> list[str]:
        task = asyncio.create_task(append(log))
        await asyncio.sleep(0)
        task.cancel()
        return await append(log)

    asyncio.run(work())
    log.close()
    assert len(read_from(tmp_path).records) == 2


def test_segments_rotate_and_each_can_be_read_alone(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, mode="fast", segment_bytes=2000)
    ids = write(log, 100)
    log.close()
    paths = sorted(tmp_path.iterdir())
    assert len(paths) > 3
    assert [r.prediction_ids[0] for r in read_from(tmp_path).records] == ids
    for path in paths[1:]:
        path.unlink()
    alone = read_from(tmp_path)
    assert [r.prediction_ids[0] for r in alone.records] == ids[: len(alone.records)]
    assert alone.faults == ()


def test_cursor_reads_each_record_once(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, segment_bytes=1500)
    seen, written, cursor = [], [], None
    for size in (0, 1, 7, 0, 30, 1):
        written += write(log, size, made_by=origin(version=size))
        scan = read_from(tmp_path, cursor)
        seen += [record.prediction_ids[0] for record in scan.records]
        assert all(record.origin.version == size for record in scan.records)
        cursor = scan.cursor
    log.close()
    assert seen == written
    assert read_from(tmp_path, cursor).records == []


def test_cursor_forgets_segments_that_retention_removed(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    write(log, 3)
    log.close()
    cursor = read_from(tmp_path).cursor
    for path in tmp_path.iterdir():
        path.unlink()
    assert read_from(tmp_path, cursor).cursor == Cursor()


def test_tail_is_in_flight_while_the_writer_lives_and_torn_when_it_is_dead(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, mode="fast")
    write(log, 2)
    (path,) = tmp_path.iterdir()
    whole = predicted(99, seal_of(path.name))
    with path.open("ab") as file:
        file.write(whole[:-3])
    scan = read_from(tmp_path)
    assert (len(scan.records), scan.faults) == (2, ())
    with path.open("ab") as file:
        file.write(whole[-3:])
    later = read_from(tmp_path, scan.cursor)
    assert [record.number for record in later.records] == [99]
    with path.open("ab") as file:
        file.write(whole[:10])
    log.close()
    last = read_from(tmp_path, later.cursor)
    assert (last.records, last.count("torn")) == ([], 1)
    assert last.faults[0].length == 10
    assert read_from(tmp_path, last.cursor).faults == ()
    assert path.stat().st_size == last.faults[0].offset + 10


SEAL = bytes(range(100, 108))
STARTED = SegmentStarted("0123456789", 0, NOW)
NAME = segment_name(STARTED, SEAL)


def predicted(
    number: int, seal: bytes = SEAL, inputs: bytes = bytes(16), actor: str = "ada"
) -> bytes:
    return frame(Predicted(0, number, NOW, number, actor, inputs, bytes(8)), seal)


SEGMENT = b"".join(
    [
        frame(STARTED, SEAL),
        frame(OriginDeclared(0, origin()), SEAL),
        *(predicted(number) for number in range(4)),
    ]
)
FRAMES = [found for found in read_frames(SEGMENT, SEAL) if isinstance(found, Frame)]


@pytest.mark.parametrize("cut", range(len(SEGMENT) + 1))
def test_every_cut_is_either_clean_or_one_torn_tail(tmp_path: Path, cut: int) -> None:
    (tmp_path / NAME).write_bytes(SEGMENT[:cut])
    scan = read_from(tmp_path)
    whole = [found for found in FRAMES if found.offset + found.length <= cut]
    assert len(scan.records) == max(0, len(whole) - 2)
    clean = cut in {0, *(found.offset + found.length for found in FRAMES)}
    assert scan.count("torn") == (0 if clean else 1)
    assert len(scan.faults) == scan.count("torn")


@given(place=st.integers(0, len(SEGMENT) - 1), flip=st.integers(1, 255))
@settings(max_examples=300)
def test_a_changed_byte_is_reported_and_spoils_one_frame(place: int, flip: int) -> None:
    data = bytearray(SEGMENT)
    data[place] ^= flip
    found = list(read_frames(bytes(data), SEAL))
    intact = [each for each in FRAMES if not each.offset <= place < each.offset + each.length]
    assert [each for each in found if isinstance(each, Frame)] == intact
    (damage,) = (each for each in found if isinstance(each, Damage))
    assert damage.kind == ("tail" if damage.offset == FRAMES[-1].offset else "corrupt")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_damage(data: bytes) -> None:
    assert sum(each.length for each in read_frames(data, SEAL)) == len(data)
    assert all(isinstance(each, Damage) for each in read_frames(data, SEAL))


@pytest.mark.parametrize("cut", range(1, 24))
def test_numbers_that_look_like_a_frame_are_not_taken_for_one(tmp_path: Path, cut: int) -> None:
    """A client sends the bytes of a frame as numbers, and the frame around them is torn."""
    log = PredictionLog(tmp_path / "own", mode="fast")
    write(log, 1)
    log.close()
    (own,) = (tmp_path / "own").iterdir()
    seal = seal_of(own.name)
    forged = predicted(7, bytes(8), actor="mallory")
    inputs = forged + bytes(-len(forged) % 16)
    torn = predicted(1, seal, inputs * 3)[:-cut]
    whole = own.read_bytes()
    for trial in (torn, torn + predicted(2, seal), torn[:40] + inputs):
        folder = tmp_path / f"trial-{len(trial)}"
        folder.mkdir()
        (folder / own.name).write_bytes(whole + trial)
        records = read_from(folder).records
        assert {record.actor for record in records} == {"ada"}


def test_segments_that_were_cut_or_renamed_are_reported_once(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(SEGMENT)
    (tmp_path / "copy.segment").write_bytes(SEGMENT)
    first = read_from(tmp_path)
    assert (len(first.records), first.count("corrupt")) == (4, 1)
    (tmp_path / NAME).write_bytes(SEGMENT[: FRAMES[-1].offset])
    second = read_from(tmp_path, first.cursor)
    assert (second.records, second.count("corrupt")) == ([], 1)
    assert second.faults[0].length == FRAMES[-1].length
    assert read_from(tmp_path, second.cursor).faults == ()


@pytest.mark.parametrize("mode", ["strict", "fast"])
def test_deleted_segment_answers_nothing_and_a_new_one_begins(tmp_path: Path, mode: str) -> None:
    log = PredictionLog(tmp_path, mode=mode)
    write(log, 3)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(PredictionLogFull, match="deleted"):
        write(log, 1)
    assert not log.healthy
    ids = write(log, 2)
    assert log.healthy
    log.close()
    assert [record.prediction_ids[0] for record in read_from(tmp_path).records] == ids


def test_records_whose_declaration_is_lost_are_reported(tmp_path: Path) -> None:
    data = bytearray(SEGMENT)
    data[FRAMES[1].offset + 20] ^= 1
    (tmp_path / NAME).write_bytes(bytes(data))
    scan = read_from(tmp_path)
    assert (scan.records, scan.count("corrupt"), scan.count("orphan")) == ([], 1, 4)


def test_columns_of_a_model(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, mode="fast")
    second = origin(version=2, inputs=("b", "c"))
    work = [
        {"rows": [[1, 2], [3, 4]], "now": NOW, "event_time": 10},
        {"rows": [[5, 6]], "now": NOW + 2, "event_time": 20, "made_by": second},
        {"rows": [[7, 8]], "now": NOW + 1, "event_time": 30},
        {"rows": [[9, 9]], "now": NOW, "event_time": 20, "made_by": origin(model="other")},
    ]
    ids = [asyncio.run(append(log, **each)) for each in work]
    log.close()
    records = [each for each in read_from(tmp_path).records if each.origin.model == "m"]
    columns = to_columns(records)
    assert columns.prediction_ids == [*ids[0], *ids[2], *ids[1]]
    assert columns.event_time.tolist() == [10, 10, 30, 20]
    assert columns.time.tolist() == [NOW, NOW, NOW + 1, NOW + 2]
    assert columns.version.tolist() == [1, 1, 1, 2]
    assert columns.outputs.tolist() == [3, 7, 15, 11]
    expected = {"a": [1, 3, 7, np.nan], "b": [2, 4, 8, 5], "c": [np.nan] * 3 + [6]}
    for name, values in expected.items():
        np.testing.assert_array_equal(columns.features[name], values)
    narrow = to_columns(records[:1])
    assert narrow.prediction_ids == ids[0]
    assert set(narrow.features) == {"a", "b"}
    empty = to_columns([])
    assert (len(empty.outputs), empty.features, empty.prediction_ids) == (0, {}, [])


def test_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnusable):
        PredictionLog(tmp_path / "file")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["strict", "fast"])
def test_full_disk_refuses_until_there_is_room_again(tmp_path: Path, mode: str) -> None:
    """A limit on the size of files stands for the full disk: write(2) fails half way."""
    program = textwrap.dedent(
        f"""
        import asyncio, json, pathlib, resource, sys
        import numpy as np
        from tradeworthy.errors import PredictionLogFull
        from tradeworthy.prediction_log.segments import Origin
        from tradeworthy.prediction_log.writer import PredictionLog

        log = PredictionLog(pathlib.Path(sys.argv[1]), mode={mode!r})
        key = log.declare(Origin("m", 1, "d", "e", "f", "f", 3, ("a", "b")))
        seen = []

        async def ask():
            try:
                ids = await log.append(
                    key, now=1, event_time=2, actor="ada",
                    rows=np.ones((1, 2)), outputs=np.ones(1),
                )
            except PredictionLogFull:
                seen.append((None, log.healthy))
            else:
                seen.append((ids[0], log.healthy))

        async def work():
            await ask()
            resource.setrlimit(resource.RLIMIT_FSIZE, (350, resource.RLIM_INFINITY))
            for _ in range(5):
                await asyncio.gather(ask(), ask())
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
            await ask()
            resource.setrlimit(
                resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )
            await ask()
            await ask()

        asyncio.run(work())
        log.close()
        print(json.dumps(seen))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True
    )
    seen = json.loads(done.stdout)
    answered = [identifier for identifier, _ in seen if identifier]
    assert 0 < len(answered) < len(seen)
    assert all(healthy == (identifier is not None) for identifier, healthy in seen if not healthy)
    assert [healthy for _, healthy in seen[-3:]] == [False, True, True]
    scan = read_from(tmp_path)
    recorded = [record.prediction_ids[0] for record in scan.records]
    assert set(answered) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    assert scan.count("torn") > 0
    assert scan.count("corrupt") == scan.count("orphan") == 0
    for path in tmp_path.iterdir():
        first = next(read_frames(path.read_bytes(), seal_of(path.name)))
        assert isinstance(first, Frame)
        assert isinstance(first.payload, SegmentStarted)
