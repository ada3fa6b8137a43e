"""What a scan is given of the log: rows in the order of events, and no more days than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.prediction_log.history import SPARE_DAYS, PredictionHistory
from tradeworthy.prediction_log.segments import Origin
from tradeworthy.prediction_log.writer import PredictionLog

DAY = 86_400_000_000_000


def origin(version: int = 1, inputs: tuple[str, ...] = ("x",), model: str = "m") -> Origin:
    return Origin(model, version, "d" * 64, "e" * 64, "f" * 64, "f" * 64, 3, inputs)


def write(log: PredictionLog, times: list[int], made_by: Origin | None = None) -> None:
    """Log one row an event time; its first input is the number of its day."""

    async def work() -> None:
        by = made_by or origin()
        for number, time in enumerate(times):
            rows = np.full((1, len(by.inputs)), float(time // DAY))
            await log.append(
                log.declare(by),
                now=1_700_000_000_000_000_000 + number,
                event_time=time,
                actor="ada",
                rows=rows,
                outputs=rows[:, 0],
            )

    asyncio.run(work())


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    log = PredictionLog(tmp_path, mode="fast")
    yield log
    log.close()


def days_of(history: PredictionHistory, until: int, sessions: int, model: str = "m") -> list[int]:
    found = history.columns(model, 1, until=until * DAY, sessions=sessions)
    assert (np.diff(found.event_time) >= 0).all()
    if found.event_time.size:
        assert found.features["x"].tolist() == (found.event_time // DAY).tolist()
    return found.days.tolist()


def test_rows_come_in_the_order_of_events_whenever_they_were_logged(log: PredictionLog) -> None:
    history = PredictionHistory(log.folder)
    write(log, [5 * DAY, 3 * DAY, 4 * DAY])
    assert days_of(history, 9, 10) == [3, 4, 5]
    write(log, [DAY, 6 * DAY, 2 * DAY])
    assert days_of(history, 9, 10) == [1, 2, 3, 4, 5, 6]
    assert days_of(history, 4, 3) == [2, 3, 4]


def test_inputs_that_came_later_are_missing_before(log: PredictionLog) -> None:
    history = PredictionHistory(log.folder)
    write(log, [DAY])
    write(log, [2 * DAY], origin(inputs=("x", "y")))
    found = history.columns("m", 1, until=9 * DAY, sessions=5)
    assert found.features["x"].tolist() == [1.0, 2.0]
    assert found.features["y"].tolist() == pytest.approx([np.nan, 2.0], nan_ok=True)


def test_versions_and_models_are_kept_apart(log: PredictionLog) -> None:
    history = PredictionHistory(log.folder)
    write(log, [DAY])
    write(log, [2 * DAY], origin(version=2))
    write(log, [3 * DAY], origin(model="other"))
    assert days_of(history, 9, 5) == [1]
    assert days_of(history, 9, 5, "other") == [3]
    assert days_of(history, 9, 5, "ghost") == []


def test_memory_holds_the_days_that_scans_take_and_no_more(log: PredictionLog) -> None:
    history = PredictionHistory(log.folder)
    for start in range(0, 300, 20):
        write(log, [day * DAY for day in range(start, start + 20)])
        days_of(history, 1000, 5)
        (kept,) = history._kept.values()
        assert kept.days.size <= 5 + SPARE_DAYS
        assert all(values.base is None for values in kept.features.values())


def test_what_is_no_longer_kept_is_read_again(log: PredictionLog) -> None:
    history = PredictionHistory(log.folder)
    write(log, [day * DAY for day in range(100)])
    assert days_of(history, 1000, 3) == [97, 98, 99]
    assert days_of(history, 50, 3) == [48, 49, 50]
    assert days_of(history, 1000, 60) == list(range(40, 100))
    assert days_of(history, 1, 60) == [0, 1]
    write(log, [10 * DAY + 1, 100 * DAY])
    assert days_of(history, 1000, 2) == [99, 100]
    assert history.columns("m", 1, until=11 * DAY - 1, sessions=1).event_time.tolist() == [
        10 * DAY,
        10 * DAY + 1,
    ]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["m", "other"]),
            st.lists(st.integers(0, 60), max_size=15),
            st.integers(0, 70),
            st.integers(1, 30),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_is_kept_the_answer_is_that_of_the_whole_log(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int], int, int]]
) -> None:
    log = PredictionLog(tmp_path_factory.mktemp("log"), mode="fast")
    history = PredictionHistory(log.folder)
    logged: dict[str, set[int]] = {"m": set(), "other": set()}
    for model, days, until, sessions in steps:
        write(log, [day * DAY for day in days], origin(model=model))
        logged[model].update(days)
        for requested in logged:
            expected = sorted(day for day in logged[requested] if day <= until)[-sessions:]
            assert days_of(history, until, sessions, requested) == expected
    log.close()
