"""Routes: immutable, complete, and never ready without alignment."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from tradeworthy.errors import (
    ArtifactInvalid,
    FeatureGraphMismatch,
    InvalidInput,
    ModelNotFound,
    ModelQuarantined,
    ReleaseUnconfirmed,
    TradeworthyError,
)
from tradeworthy.serving.decoder import DecodedRequest, make_decoder
from tradeworthy.serving.route_table import Blocked, Ready, RouteTable

A, B, C = "a" * 64, "b" * 64, "c" * 64


class Sum:
    format = "onnx"
    n_inputs = 2
    largest = 1e300

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return rows.sum(axis=1)


READY = Ready(
    model="m",
    version=3,
    manifest_digest="d" * 64,
    artifact_sha256="e" * 64,
    bound_hash=A,
    active_hash=A,
    running_hash=A,
    predictor=Sum(),
    decoder=make_decoder(("a", "b"), 10, 1000),
)
TABLE = RouteTable(7, 100, {"m": READY})


def rows(sent: str | None) -> DecodedRequest:
    return DecodedRequest(np.ones((1, 2)), sent, None)


def test_table_cannot_be_changed() -> None:
    source = {"m": READY}
    table = RouteTable(7, 100, source)
    source.clear()
    assert table.lookup("m") is READY
    with pytest.raises(TypeError):
        table.routes["x"] = READY
    with pytest.raises(FrozenInstanceError):
        table.epoch = 8
    with pytest.raises(FrozenInstanceError):
        READY.version = 4


def test_unknown_model_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        TABLE.lookup("n")


def test_lease_holds_to_its_last_nanosecond() -> None:
    TABLE.require_confirmed(100)
    with pytest.raises(ReleaseUnconfirmed):
        TABLE.require_confirmed(101)


@pytest.mark.parametrize("field", ["bound_hash", "active_hash", "running_hash"])
def test_route_out_of_line_cannot_be_made(field: str) -> None:
    with pytest.raises(FeatureGraphMismatch):
        replace(READY, **{field: B})


def test_rows_without_a_hash_are_shown_how_to_get_it() -> None:
    with pytest.raises(InvalidInput, match="tradeworthy features hash"):
        TABLE.admit(READY, rows(None))


def test_rows_of_the_code_that_runs_by_now_get_the_exact_difference() -> None:
    reported = FeatureGraphMismatch("edited", differences=["a@1: body"])
    route = replace(READY, explain=lambda sent: reported if sent == B else None)
    with pytest.raises(FeatureGraphMismatch) as caught:
        TABLE.admit(route, rows(B))
    assert caught.value is reported


def test_rows_of_unknown_code_are_shown_every_hash() -> None:
    with pytest.raises(FeatureGraphMismatch) as caught:
        TABLE.admit(replace(READY, explain=lambda sent: None), rows(B))
    details = caught.value.details
    assert details.pop("ways_out")
    assert details == {
        "sent": B,
        "bound": A,
        "active": A,
        "running": A,
        "epoch": 7,
    }


@pytest.mark.parametrize(
    ("error", "sent", "expected"),
    [
        (ModelQuarantined("x"), None, InvalidInput),
        (ModelQuarantined("x"), A, ModelQuarantined),
        (ModelQuarantined("x"), B, ModelQuarantined),
        (FeatureGraphMismatch("x", full=1), B, FeatureGraphMismatch),
        (ArtifactInvalid("x"), A, ArtifactInvalid),
        (ArtifactInvalid("x"), B, FeatureGraphMismatch),
    ],
)
def test_blocked_routes_answer_in_the_order_of_the_contract(
    error: TradeworthyError, sent: str | None, expected: type[TradeworthyError]
) -> None:
    with pytest.raises(expected):
        TABLE.admit(Blocked(error, bound_hash=A), rows(sent))


def test_error_of_a_blocked_route_does_not_grow() -> None:
    blocked = Blocked(ModelQuarantined("stopped"))
    for _ in range(3):
        with pytest.raises(ModelQuarantined):
            TABLE.admit(blocked, rows(A))
    depth, trace = 0, blocked.error.__traceback__
    while trace is not None:
        depth, trace = depth + 1, trace.tb_next
    assert depth < 6
