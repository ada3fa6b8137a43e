"""ONNX models by onnxruntime on one thread.

Before the runtime sees a model, its protobuf is walked: tensors stored in other files, operators
outside the standard domains, operators that draw random numbers and loops are refused. Field
numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (IR version 3 on).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.base.foreign_text import foreign_text
from tradeworthy.errors import ArtifactInvalid

# Read at its import: without it the library leaves a device id in the user's cache folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

FloatArray: TypeAlias = npt.NDArray[np.float64]

_DOMAINS: Final = frozenset({b"", b"ai.onnx", b"ai.onnx.ml"})
_RANDOM: Final = frozenset(
    {b"RandomNormal", b"RandomNormalLike", b"RandomUniform", b"RandomUniformLike", b"Multinomial"}
    | {b"Bernoulli"}
)
# message -> field number -> the message it holds. Other fields hold no node and no tensor.
_MESSAGES: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_INPUT, _OP_TYPE, _DOMAIN = 1, 4, 7
# A forest is an attribute of a million numbers (fields 7 and 8), which are passed over at once.
_ATTRIBUTE_NUMBERS: Final = re.compile(rb"(?:\x3d[\x00-\xff]{4}|\x40[\x80-\xff]{0,9}[\x00-\x7f])++")
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_FLOATS: Final[dict[str, type[np.floating[Any]]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
}
_LABELS: Final = ("tensor(int64)", "tensor(string)")
_MAPS: Final = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")


class OnnxModel:
    """A session with one input ``[batch, k]`` and one number a row.

    The output is a single float tensor ``[n]`` or ``[n, 1]``, or the pair that classifiers
    export, label and probabilities; then the prediction is the probability of the greater of
    the two classes.

    ``run`` may be called from several threads: onnxruntime sessions are re-entrant and this
    object is never changed after construction.

    Raises
    ------
    ArtifactInvalid
        For a model of another shape, or one that the runtime refuses.
    """

    __slots__ = ("_dtype", "_input", "_kind", "_outputs", "_session", "largest")

    def __init__(self, data: bytes, n_inputs: int) -> None:
        refuse_unsafe(data)
        self._session = _open_session(data)
        self._input, self._dtype = _input_of(self._session, n_inputs)
        self._outputs, self._kind = _output_of(self._session)
        self.largest = float(np.finfo(self._dtype).max)

    def run(self, rows: FloatArray) -> FloatArray:
        """Predict float64 ``[n, k]`` to float64 ``[n]``."""
        feed = {self._input: rows.astype(self._dtype, copy=False)}
        answer = self._session.run(self._outputs, feed)[0]
        if self._kind == "value":
            if answer.ndim == 2 and answer.shape[1] == 1:
                answer = answer[:, 0]
            return np.asarray(answer, dtype=np.float64)
        if self._kind == "probabilities":
            return np.asarray(_second_column(answer), dtype=np.float64)
        return np.array([_greater_class(each) for each in answer], dtype=np.float64)


def refuse_unsafe(data: bytes) -> None:
    """Walk the protobuf of an ONNX model and refuse what must not reach the runtime.

    Raises
    ------
    ArtifactInvalid
        For bytes that are no ONNX model, external data, custom operator domains, random operators
        and loops.

    Examples
    --------
    >>> from tradeworthy.errors import ArtifactInvalid
    >>> try:
    ...     refuse_unsafe(b"not a model")
    ... except ArtifactInvalid as error:
    ...     print(error)
    the artifact is not an ONNX model: it is no protobuf
    """
    pending: list[tuple[str, memoryview]] = [("model", memoryview(data))]
    has_graph = False
    while pending:
        message, content = pending.pop()
        children = _MESSAGES[message]
        operator, domain = b"", b""
        inputs: list[bytes] = []
        numbers = _ATTRIBUTE_NUMBERS if message == "attribute" else None
        for number, value in _fields(content, numbers):
            child = children.get(number)
            if isinstance(value, int):
                _refuse_location(message, number, value)
            elif child is not None:
                has_graph = has_graph or child == "graph"
                pending.append((child, value))
            elif message == "node" and number == _OP_TYPE:
                operator = bytes(value)
            elif message == "node" and number == _DOMAIN:
                domain = bytes(value)
            elif message == "node" and number == _INPUT:
                inputs.append(bytes(value))
            elif message == "tensor" and number == _EXTERNAL_DATA:
                raise _external()
        _refuse_operator(operator, domain, inputs)
    if not has_graph:
        raise ArtifactInvalid("the artifact is not an ONNX model: it has no graph")


def _refuse_location(message: str, number: int, value: int) -> None:
    if message == "tensor" and number == _DATA_LOCATION and value != 0:
        raise _external()


def _external() -> ArtifactInvalid:
    return ArtifactInvalid(
        "the ONNX model keeps tensors in another file, which its digest does not cover; save it "
        "with save_as_external_data=False"
    )


def _refuse_operator(operator: bytes, domain: bytes, inputs: list[bytes]) -> None:
    name = operator.decode("utf-8", "replace")
    if domain not in _DOMAINS:
        raise ArtifactInvalid(
            f"the ONNX operator {name!r} is of the custom domain "
            f"{domain.decode('utf-8', 'replace')!r}; export the model with standard operators",
            operator=name,
        )
    if operator == b"Loop":
        # Its end may depend on the rows: one request could stop every other one for ever.
        raise ArtifactInvalid(
            "the ONNX operator 'Loop' may run without end; export the model without loops",
            operator=name,
        )
    # The third input of Dropout switches to training, where it draws.
    if operator in _RANDOM or (operator == b"Dropout" and any(inputs[2:])):
        raise ArtifactInvalid(
            f"the ONNX operator {name!r} draws random numbers; predictions must be repeatable",
            operator=name,
        )


def _fields(
    content: memoryview, passed_over: re.Pattern[bytes] | None
) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of one protobuf message; bytes for length-delimited fields."""
    position, end = 0, len(content)
    while position < end:
        if passed_over is not None and (run := passed_over.match(content, position)):
            position = run.end()
            continue
        tag, position = _varint(content, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(content, position)
            yield number, value
            continue
        if wire == 2:
            length, position = _varint(content, position)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise _no_protobuf()
        if number == 0 or length > end - position:
            raise _no_protobuf()
        yield number, content[position : position + length]
        position += length


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in content[position : position + 10]:
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
    raise _no_protobuf()


def _no_protobuf() -> ArtifactInvalid:
    return ArtifactInvalid("the artifact is not an ONNX model: it is no protobuf")


def _open_session(data: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ArtifactInvalid(
            f"onnxruntime does not load the model: {foreign_text(error)}"
        ) from error


def _input_of(session: Any, n_inputs: int) -> tuple[str, type[np.floating[Any]]]:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ArtifactInvalid(
            f"the ONNX model has {len(inputs)} inputs; export it with one float tensor "
            "[batch, features]",
            inputs=[each.name for each in inputs],
        )
    only = inputs[0]
    dtype = _FLOATS.get(only.type)
    shape = only.shape or []
    if dtype is None or len(shape) != 2:
        raise ArtifactInvalid(
            f"the ONNX input is {only.type} of shape {shape}; export a float or double tensor "
            "[batch, features]"
        )
    if isinstance(shape[0], int):
        raise ArtifactInvalid(
            f"the ONNX model takes exactly {shape[0]} rows; export it with a dynamic batch axis"
        )
    if isinstance(shape[1], int) and shape[1] != n_inputs:
        raise ArtifactInvalid(
            f"the ONNX model takes {shape[1]} inputs, its manifest names {n_inputs}",
            expected=n_inputs,
            actual=shape[1],
        )
    return only.name, dtype


def _output_of(session: Any) -> tuple[list[str], str]:
    outputs = session.get_outputs()
    types = [each.type for each in outputs]
    if len(types) == 1 and types[0] in _FLOATS:
        return [outputs[0].name], "value"
    if len(types) == 2 and types[0] in _LABELS and types[1] in _FLOATS:
        return [outputs[1].name], "probabilities"
    if len(types) == 2 and types[0] in _LABELS and types[1] in _MAPS:
        return [outputs[1].name], "maps"
    raise ArtifactInvalid(
        f"the ONNX model's outputs are {types}; export one float tensor, or a classifier's label "
        "and probabilities",
        outputs=[each.name for each in outputs],
    )


def _second_column(answer: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if answer.ndim != 2 or answer.shape[1] != 2:
        raise _not_binary(answer.shape[-1])
    return answer[:, 1]


def _greater_class(probabilities: dict[Any, float]) -> float:
    if len(probabilities) != 2:
        raise _not_binary(len(probabilities))
    return probabilities[max(probabilities)]


def _not_binary(classes: int) -> ArtifactInvalid:
    return ArtifactInvalid(
        f"the ONNX classifier has {classes} classes; two are served, as one probability"
    )
