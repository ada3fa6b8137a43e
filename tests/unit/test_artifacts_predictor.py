"""Loading artifacts: the digest first, nothing that executes code, one number a row."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import pickle
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tradeworthy.artifacts.lightgbm_predictor import find_library, load_library
from tradeworthy.artifacts.onnx_predictor import refuse_unsafe
from tradeworthy.artifacts.predictor import CheckedPredictor, load_predictor
from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import ArtifactInvalid, InvalidInput, TradeworthyError

WEIGHTS = (2.0, -1.0, 0.5)
# Trains a booster; gives its text, rows, and what the package predicts on them.
Train: TypeAlias = Callable[..., tuple[bytes, np.ndarray, np.ndarray]]


def tensor(
    name: str, shape: Sequence[int | None], kind: int = TensorProto.FLOAT
) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
    domains: Sequence[str] = ("", "ai.onnx.ml"),
    functions: Sequence[onnx.FunctionProto] = (),
) -> bytes:
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(initializers))
    versions = {"": 17, "ai.onnx.ml": 3}
    opsets = [helper.make_opsetid(domain, versions.get(domain, 1)) for domain in domains]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
    return made.SerializeToString()


def linear(
    *,
    dtype: type[np.floating] = np.float32,
    flat: bool = False,
    batch: int | None = None,
    width: int | None = 3,
    output_width: int = 1,
) -> bytes:
    kind = TensorProto.FLOAT if dtype == np.float32 else TensorProto.DOUBLE
    weights = np.tile(np.array([WEIGHTS], dtype=dtype).T, (1, output_width))
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    nodes, shape = [product], [batch, output_width]
    if flat:
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["m"]),
            helper.make_node("Reshape", ["m", "shape"], ["y"]),
        ]
        shape = [batch]
    return model(
        nodes,
        [tensor("x", [batch, width], kind)],
        [tensor("y", shape, kind)],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([-1], dtype=np.int64), "shape"),
        ],
    )


def unary(operator: str, **attributes: float) -> bytes:
    """A model of one input that applies one operator to it."""
    node = helper.make_node(operator, ["x"], ["y"], **attributes)
    return model([node], [tensor("x", [None, 1])], [tensor("y", [None, 1])])


def classifier(*, zipmap: bool, labels: tuple[int, ...] = (0, 1), classes: int = 2) -> bytes:
    kinds = {"classlabels_ints": list(labels)}
    scores = helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        coefficients=[*(-w for w in WEIGHTS), *WEIGHTS, *WEIGHTS][: 3 * classes],
        intercepts=[0.0] * classes,
        post_transform="SOFTMAX",
        **kinds,
    )
    label = tensor("label", [None], TensorProto.INT64)
    if not zipmap:
        outputs = [label, tensor("scores", [None, classes])]
        return model([scores], [tensor("x", [None, 3])], outputs)
    mapping = helper.make_node(
        "ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=list(labels)
    )
    element = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    maps = helper.make_value_info("maps", helper.make_sequence_type_proto(element))
    return model([scores, mapping], [tensor("x", [None, 3])], [label, maps])


def load(
    data: bytes, *, kind: str = "onnx", n_inputs: int = 3, digest: str | None = None
) -> CheckedPredictor:
    return load_predictor(
        data, format=kind, expected_sha256=digest or sha256_hex(data), n_inputs=n_inputs
    )


def refusal(data: bytes, **options: Any) -> ArtifactInvalid:
    with pytest.raises(ArtifactInvalid) as caught:
        load(data, **options)
    return caught.value


ROWS = np.array([[1.0, 2.0, 3.0], [0.5, -4.0, 0.25], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_linear_model_predicts_what_the_weights_say(dtype: type[np.floating], flat: bool) -> None:
    predictor = load(linear(dtype=dtype, flat=flat))
    outputs = predictor.predict(ROWS)
    assert outputs.dtype == np.float64
    assert outputs.shape == (3,)
    # These values are exact in float32, so no tolerance is needed.
    assert outputs.tolist() == (ROWS @ np.array(WEIGHTS)).tolist()
    assert predictor.largest == np.finfo(dtype).max
    assert (predictor.format, predictor.n_inputs) == ("onnx", 3)


@pytest.mark.parametrize("labels", [(0, 1), (-1, 1)])
@pytest.mark.parametrize("zipmap", [True, False])
def test_classifier_answers_the_probability_of_the_greater_class(
    zipmap: bool, labels: tuple[int, ...]
) -> None:
    outputs = load(classifier(zipmap=zipmap, labels=labels)).predict(ROWS)
    score = ROWS @ np.array(WEIGHTS)
    assert outputs == pytest.approx(1 / (1 + np.exp(-2 * score)), abs=1e-6)


@pytest.mark.parametrize("zipmap", [True, False])
def test_classifier_of_three_classes_is_refused(zipmap: bool) -> None:
    error = refusal(classifier(zipmap=zipmap, labels=(0, 1, 2), classes=3))
    assert "3 classes" in error.message


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (os.mkdir, (str(self.target),))


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", content)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["onnx", "lightgbm", "pickle", "joblib"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "wrap", [bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress, zipped]
)
def test_pickle_is_never_loaded_whatever_it_is_called(
    tmp_path: Path, kind: str, protocol: int, wrap: Callable[[bytes], bytes]
) -> None:
    target = tmp_path / "exploded"
    data = wrap(pickle.dumps(Bomb(target), protocol=protocol))
    error = refusal(data, kind=kind)
    assert "never loaded" in error.message
    assert not target.exists()


@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], (1, 2), Path("x"), np.arange(3), 1.5, "text"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_of_any_value_is_refused(value: object, protocol: int) -> None:
    for kind in ("onnx", "lightgbm"):
        refusal(pickle.dumps(value, protocol=protocol), kind=kind)


def test_digest_is_checked_before_anything_is_read() -> None:
    tampered = pickle.dumps([1])
    error = refusal(tampered, digest=sha256_hex(linear()))
    assert "SHA-256" in error.message
    assert error.details == {"expected": sha256_hex(linear()), "actual": sha256_hex(tampered)}


@given(place=st.integers(0, len(linear()) - 1), flip=st.integers(1, 255))
@settings(max_examples=40)
def test_one_changed_byte_is_noticed(place: int, flip: int) -> None:
    data = bytearray(linear())
    data[place] ^= flip
    assert "SHA-256" in refusal(bytes(data), digest=sha256_hex(linear())).message


@pytest.mark.parametrize("data", [b"", b"\x00", b"hello", b"\xff" * 40, b"ORTM" * 5, linear()[:-9]])
@pytest.mark.parametrize("kind", ["onnx", "lightgbm"])
def test_bytes_that_are_no_model_are_refused(data: bytes, kind: str) -> None:
    refusal(data, kind=kind)


def test_unknown_format_is_refused() -> None:
    assert refusal(linear(), kind="xgboost").details == {"format": "xgboost"}


def test_other_number_of_inputs_is_refused() -> None:
    assert refusal(linear(), n_inputs=4).details == {"expected": 4, "actual": 3}
    refusal(linear(), n_inputs=0)
    # A width that the model does not declare shows when it is warmed up.
    refusal(linear(width=None), n_inputs=4)
    assert load(linear(width=None)).predict(ROWS).shape == (3,)


def test_fixed_batch_is_refused() -> None:
    assert "dynamic batch" in refusal(linear(batch=1)).message


def test_several_outputs_are_refused() -> None:
    assert "one number a row" in refusal(linear(output_width=2)).message
    node = helper.make_node("Identity", ["x"], ["z"])
    double = helper.make_node("Identity", ["x"], ["y"])
    shape = [None, 1]
    data = model([node, double], [tensor("x", shape)], [tensor("y", shape), tensor("z", shape)])
    assert "outputs are" in refusal(data, n_inputs=1).message
    integer = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.INT64)
    data = model([integer], [tensor("x", shape)], [tensor("y", shape, TensorProto.INT64)])
    assert "outputs are" in refusal(data, n_inputs=1).message


def test_several_or_wrong_inputs_are_refused() -> None:
    add = helper.make_node("Add", ["a", "b"], ["y"])
    shape = [None, 1]
    data = model([add], [tensor("a", shape), tensor("b", shape)], [tensor("y", shape)])
    assert refusal(data, n_inputs=2).details == {"inputs": ["a", "b"]}
    cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
    data = model([cast], [tensor("x", shape, TensorProto.INT64)], [tensor("y", shape)])
    assert "tensor(int64)" in refusal(data, n_inputs=1).message


def test_external_data_is_refused(tmp_path: Path) -> None:
    made = onnx.load_model_from_string(linear())
    onnx.external_data_helper.convert_model_to_external_data(
        made, location="weights.bin", size_threshold=0
    )
    onnx.save_model(made, tmp_path / "model.onnx")
    error = refusal((tmp_path / "model.onnx").read_bytes())
    assert "another file" in error.message


def test_custom_operators_are_refused_at_any_depth() -> None:
    inner = helper.make_node("Gelu", ["x"], ["t"], domain="com.microsoft")
    outer = helper.make_node("Identity", ["t"], ["y"])
    shape = [None, 1]
    flat = model(
        [inner, outer], [tensor("x", shape)], [tensor("y", shape)], domains=("", "com.microsoft")
    )
    assert "com.microsoft" in refusal(flat, n_inputs=1).message
    branch = helper.make_graph([inner], "branch", [], [tensor("t", shape)])
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    true = numpy_helper.from_array(np.array(True), "c")
    nested = model([choice], [tensor("x", shape)], [tensor("y", shape)], [true])
    assert "com.microsoft" in refusal(nested, n_inputs=1).message
    function = helper.make_function(
        "", "Mine", ["x"], ["t"], [inner], [helper.make_opsetid("com.microsoft", 1)]
    )
    call = helper.make_node("Identity", ["x"], ["y"])
    hidden = model([call], [tensor("x", shape)], [tensor("y", shape)], functions=[function])
    assert "com.microsoft" in refusal(hidden, n_inputs=1).message


def test_random_operators_are_refused() -> None:
    assert "repeatable" in refusal(unary("RandomNormalLike"), n_inputs=1).message
    assert "repeatable" in refusal(unary("Bernoulli"), n_inputs=1).message


def test_dropout_is_refused_where_it_draws() -> None:
    rate = numpy_helper.from_array(np.array(0.5, dtype=np.float32), "rate")
    training = numpy_helper.from_array(np.array(True), "training")
    shape = [None, 1]
    for inputs, refused in ((["x", "rate", "training"], True), (["x", "rate", ""], False)):
        node = helper.make_node("Dropout", inputs, ["y"])
        data = model([node], [tensor("x", shape)], [tensor("y", shape)], [rate, training])
        if refused:
            assert "repeatable" in refusal(data, n_inputs=1).message
        else:
            assert load(data, n_inputs=1).predict(np.array([[3.0]])).tolist() == [3.0]


def looping(trips: int) -> bytes:
    """A model that adds its input to itself as often as ``trips`` says."""
    flag = TensorProto.BOOL
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [tensor("i", [], TensorProto.INT64), tensor("c", [], flag), tensor("v", [None, 1])],
        [tensor("d", [], flag), tensor("w", [None, 1])],
    )
    loop = helper.make_node("Loop", ["trips", "true", "x"], ["y"], body=body)
    constants = [
        numpy_helper.from_array(np.array(trips, dtype=np.int64), "trips"),
        numpy_helper.from_array(np.array(True), "true"),
    ]
    return model([loop], [tensor("x", [None, 1])], [tensor("y", [None, 1])], constants)


@pytest.mark.parametrize("trips", [1, 2**62])
def test_loops_are_refused_for_they_may_never_end(trips: int) -> None:
    assert "without end" in refusal(looping(trips), n_inputs=1).message


def across_rows(*operators: onnx.NodeProto) -> bytes:
    """A model whose answer to a row depends on the rows beside it."""
    axes = numpy_helper.from_array(np.array([0]), "axes")
    constants = [axes] + [
        numpy_helper.from_array(np.array([value]), name)
        for name, value in (("first", -1), ("last", -(2**62)), ("step", -1))
    ]
    return model(operators, [tensor("x", [None, 1])], [tensor("y", [None, 1])], constants)


@pytest.mark.parametrize(
    "operators",
    [
        [
            helper.make_node("ReduceMean", ["x"], ["m"], axes=[0]),
            helper.make_node("Sub", ["x", "m"], ["y"]),
        ],
        [helper.make_node("Slice", ["x", "first", "last", "axes", "step"], ["y"])],
        [helper.make_node("CumSum", ["x", "axis"], ["y"])],
    ],
    ids=["demeaned", "reversed", "summed"],
)
def test_rows_that_depend_on_their_neighbours_are_refused(operators: list[onnx.NodeProto]) -> None:
    if operators[0].op_type == "CumSum":
        operators[0].input[1] = "zero"
        zero = helper.make_node("Squeeze", ["axes"], ["zero"])
        operators = [zero, *operators]
    assert "each row's answer" in refusal(across_rows(*operators), n_inputs=1).message


def test_output_that_is_not_finite_is_refused_when_it_happens() -> None:
    logarithm = load(unary("Log"), n_inputs=1)
    assert logarithm.predict(np.array([[1.0]])).tolist() == [0.0]
    with pytest.raises(ArtifactInvalid, match="not finite") as caught:
        logarithm.predict(np.array([[1.0], [-1.0], [2.0]]))
    assert caught.value.details == {"row": 1}


def test_model_that_is_never_finite_does_not_load() -> None:
    zero = numpy_helper.from_array(np.array([0.0], dtype=np.float32), "zero")
    nodes = [
        helper.make_node("Mul", ["x", "zero"], ["m"]),
        helper.make_node("Div", ["m", "zero"], ["y"]),
    ]
    data = model(nodes, [tensor("x", [None, 1])], [tensor("y", [None, 1])], [zero])
    assert "no finite number" in refusal(data, n_inputs=1).message


@pytest.mark.parametrize("copies", [1, 100])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.5e38, -1e300])
def test_input_that_the_model_cannot_hold_is_refused(value: float, copies: int) -> None:
    rows = np.tile(ROWS, (copies, 1))
    rows[1, 2] = value
    with pytest.raises(InvalidInput) as caught:
        load(linear()).predict(rows)
    assert caught.value.details == {"row": 1, "column": 2}


def test_inputs_that_the_model_can_hold_each_are_taken_whatever_their_sum() -> None:
    predictor = load(unary("Sign"), n_inputs=1)
    rows = np.array([[3e38], [-3e38], [3e38]])
    assert predictor.predict(rows).tolist() == [1.0, -1.0, 1.0]


@pytest.mark.parametrize("shape", [(3,), (1, 2), (1, 4), (0, 3), (1, 3, 1)])
def test_rows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput):
        load(linear()).predict(np.zeros(shape))


@given(st.binary(max_size=200))
def test_walking_arbitrary_bytes_refuses_or_passes(data: bytes) -> None:
    try:
        refuse_unsafe(data)
    except TradeworthyError as error:
        assert error.code == "artifact_invalid"


@given(place=st.integers(0, len(linear()) - 1), value=st.integers(0, 255))
@settings(max_examples=200)
def test_damaged_model_never_raises_anything_else(place: int, value: int) -> None:
    data = bytearray(linear())
    data[place] = value
    with contextlib.suppress(ArtifactInvalid, InvalidInput):
        load(bytes(data)).predict(ROWS)


def boosted(objective: str = "regression", **parameters: int) -> str:
    """Train a small booster in a process of its own, for the package imports scikit-learn."""
    return f"""
import sys, numpy as np, lightgbm
draw = np.random.default_rng(5)
x = draw.normal(size=(400, 3))
y = {"(x[:, 0] > 0) * 1.0" if objective != "multiclass" else "draw.integers(0, 3, 400)"}
given = dict(objective={objective!r}, num_threads=1, verbosity=-1, seed=1, **{parameters!r})
booster = lightgbm.train(given, lightgbm.Dataset(x, y), 20)
rows = draw.normal(size=(50, 3))
np.savez(sys.argv[1], rows=rows, outputs=booster.predict(rows))
sys.stdout.write(booster.model_to_string())
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Text of a booster, rows, and what the package itself predicts on them."""

    @cache
    def train(**parameters: Any) -> tuple[bytes, np.ndarray, np.ndarray]:
        target = tmp_path_factory.mktemp("booster") / "golden.npz"
        command = [sys.executable, "-W", "ignore", "-c", boosted(**parameters), str(target)]
        alone = os.environ | {"OMP_NUM_THREADS": "1"}
        text = subprocess.run(command, check=True, capture_output=True, env=alone).stdout
        with np.load(target) as golden:
            return text, golden["rows"], golden["outputs"]

    return train


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["regression", "binary"])
def test_lightgbm_answers_as_its_own_package_does(trained: Train, objective: str) -> None:
    text, rows, golden = trained(objective=objective)
    predictor = load(text, kind="lightgbm")
    assert predictor.predict(rows).tolist() == golden.tolist()
    singly = [predictor.predict(row[None, :])[0] for row in rows]
    assert singly == golden.tolist()
    fortran = np.asfortranarray(rows)
    assert predictor.predict(fortran).tolist() == golden.tolist()


@pytest.mark.slow
def test_lightgbm_is_safe_in_several_threads(trained: Train) -> None:
    text, rows, golden = trained(objective="regression")
    predictor = load(text, kind="lightgbm")

    def ask(index: int) -> bool:
        return predictor.predict(rows[index % 50][None, :])[0] == golden[index % 50]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(2000)))


@pytest.mark.slow
def test_lightgbm_of_another_shape_is_refused(trained: Train) -> None:
    text, _, _ = trained(objective="regression")
    assert refusal(text, kind="lightgbm", n_inputs=4).details == {"expected": 4, "actual": 3}
    several, _, _ = trained(objective="multiclass", num_class=3)
    assert "3 numbers a row" in refusal(several, kind="lightgbm").message
    refusal(text + b"\x00", kind="lightgbm")
    refusal(b"tree\nversion=v4\n", kind="lightgbm")


def test_missing_library_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ArtifactInvalid, match="install the lightgbm package") as missing:
        find_library("no_such_package_anywhere")
    assert missing.value.details == {"library": "no_such_package_anywhere"}
    broken = tmp_path / "lib_lightgbm.so"
    broken.write_bytes(b"\x7fELF")
    with pytest.raises(ArtifactInvalid, match="OpenMP") as unloadable:
        load_library(broken)
    assert unloadable.value.details == {"library": broken.name}
