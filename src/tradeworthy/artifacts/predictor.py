"""One interface over every model format, and the only way to get from bytes to predictions.

The digest of an artifact is checked before one byte of it is interpreted, the formats are two
(ONNX, LightGBM text), and whatever executes code on load is refused by its content.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.artifacts.lightgbm_predictor import LightGbmModel
from tradeworthy.artifacts.onnx_predictor import OnnxModel
from tradeworthy.base.digests import sha256_hex
from tradeworthy.base.foreign_text import foreign_text
from tradeworthy.errors import ArtifactInvalid, InvalidInput

FloatArray: TypeAlias = npt.NDArray[np.float64]

FORMATS = ("onnx", "lightgbm")
# Batches add up in another order: float32 may differ by this much of the greatest answer.
_SAME_ROW = 1e-3
# Up to so many numbers Python is faster than numpy.
_FEW = 64

_PICKLE_TEXT = re.compile(
    rb"(?:c[\w.]+\n[\w.]+\n|[(\]}][ldt]?p\d+\n|[(\]}]q.|\([ldt]\.|\(c[\w.]+\n)", re.DOTALL
)
_CONTAINERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive (skops, torch, npz), which may hold pickles"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\x1f\x8b", "gzip data, as joblib and pickle files often are"),
    (b"\x78\x01", "zlib data, as joblib files often are"),
    (b"\x78\x5e", "zlib data, as joblib files often are"),
    (b"\x78\x9c", "zlib data, as joblib files often are"),
    (b"\x78\xda", "zlib data, as joblib files often are"),
    (b"BZh", "bzip2 data, as joblib files often are"),
    (b"\xfd7zXZ\x00", "xz data, as joblib files often are"),
    (b"\x5d\x00\x00\x80\x00", "lzma data, as joblib files often are"),
    (b"\x04\x22\x4d\x18", "lz4 data, as joblib files often are"),
    (b"\x89HDF\r\n", "HDF5 data"),
)


class Predictor(Protocol):
    """A loaded model.

    Safe to call from several threads at once.

    Attributes
    ----------
    format
        One of `FORMATS`.
    n_inputs
        Number of columns of the rows.
    largest
        The greatest magnitude that the model's number type holds.
    """

    format: str
    n_inputs: int
    largest: float

    def predict(self, rows: FloatArray) -> FloatArray:
        """Predict rows float64 ``[n, n_inputs]`` to float64 ``[n]``, all finite."""
        ...


class _Model(Protocol):
    largest: float

    def run(self, rows: FloatArray) -> FloatArray: ...


class CheckedPredictor:
    """A model whose inputs and outputs are checked on every call.

    Holds no mutable state of its own; the models below it say how they share theirs.
    """

    __slots__ = ("_run", "format", "largest", "n_inputs")

    def __init__(self, model: _Model, *, format: str, n_inputs: int) -> None:  # noqa: A002
        self._run = model.run
        self.format = format
        self.n_inputs = n_inputs
        self.largest = model.largest

    def predict(self, rows: FloatArray) -> FloatArray:
        """Predict ``rows``.

        Parameters
        ----------
        rows
            float64 ``[n, n_inputs]``, n >= 1, finite, magnitudes up to `largest`.

        Returns
        -------
        numpy.ndarray
            float64 ``[n]``, finite.

        Raises
        ------
        InvalidInput
            For another shape, or a value that is not finite or beyond `largest`.
        ArtifactInvalid
            When the model fails or answers with something other than n finite numbers.
        """
        if rows.ndim != 2 or rows.shape[1] != self.n_inputs or not len(rows):
            raise InvalidInput(
                f"the model takes rows of {self.n_inputs} numbers, not an array of shape "
                f"{rows.shape}",
                expected=self.n_inputs,
            )
        if not self._holds(rows):
            raise self._out_of_range(rows)
        outputs = _guarded(self._run, rows)
        if outputs.shape != (len(rows),):
            raise ArtifactInvalid(
                f"the model answered {len(rows)} rows with an array of shape {outputs.shape}"
            )
        if not all(map(math.isfinite, outputs.tolist())):
            raise ArtifactInvalid(
                "the model answered with a number that is not finite; validate the artifact on "
                "these rows, and roll back or quarantine the version",
                row=int(np.argmin(np.isfinite(outputs))),
            )
        return outputs

    def _holds(self, rows: FloatArray) -> bool:
        # No sum of magnitudes is less than one of them. For a row this takes a quarter of the time.
        if rows.size <= _FEW and sum(map(abs, rows.ravel().tolist())) <= self.largest:
            return True
        # NaN is the maximum of whatever contains it, and no comparison with it is true.
        return bool(np.maximum.reduce(np.abs(rows), axis=None) <= self.largest)

    def _out_of_range(self, rows: FloatArray) -> InvalidInput:
        outside = ~(np.abs(rows) <= self.largest)
        row, column = (int(i) for i in np.argwhere(outside)[0])
        return InvalidInput(
            f"row {row}, input {column}: {rows[row, column]} is not a number that the model can "
            f"hold (magnitude up to {self.largest:.9g})",
            row=row,
            column=column,
        )


def load_predictor(
    data: bytes,
    *,
    format: str,  # noqa: A002 (the word of the manifest)
    expected_sha256: str,
    n_inputs: int,
) -> CheckedPredictor:
    """Load a model from the bytes of its artifact and warm it up.

    Parameters
    ----------
    data
        The artifact.
    format
        One of `FORMATS`.
    expected_sha256
        The digest that the manifest states, 64 lowercase hexadecimal characters.
    n_inputs
        How many inputs the manifest names, at least 1.

    Raises
    ------
    ArtifactInvalid
        For a wrong digest (nothing is read then), pickle and everything that may contain it,
        an unknown format, another number of inputs or outputs, a model that does not load or
        gives no finite number.

    Examples
    --------
    >>> from tradeworthy.errors import ArtifactInvalid
    >>> try:
    ...     load_predictor(b"tampered", format="onnx", expected_sha256="0" * 64, n_inputs=2)
    ... except ArtifactInvalid as error:
    ...     print(error.code, error.details["expected"] == "0" * 64)
    artifact_invalid True
    """
    actual = sha256_hex(data)
    if actual != expected_sha256:
        raise ArtifactInvalid(
            "the artifact's SHA-256 is not the one its manifest states; restore the file or "
            "register it as a new version",
            expected=expected_sha256,
            actual=actual,
        )
    if n_inputs < 1:
        raise ArtifactInvalid("a model without inputs cannot be served")
    _refuse_executable(data)
    model: _Model
    if format == "onnx":
        model = OnnxModel(data, n_inputs)
    elif format == "lightgbm":
        model = LightGbmModel(data, n_inputs)
    else:
        raise ArtifactInvalid(
            f"format {format!r} is not served; convert the model to one of {', '.join(FORMATS)}",
            format=format,
        )
    _warm_up(model, n_inputs)
    return CheckedPredictor(model, format=format, n_inputs=n_inputs)


def _refuse_executable(data: bytes) -> None:
    advice = "; convert the model to ONNX or LightGBM text, whatever the file's name says"
    binary = len(data) > 1 and data[0] == 0x80 and data[1] <= 5
    if binary or _PICKLE_TEXT.match(data):
        raise ArtifactInvalid(f"the artifact is a pickle, which is never loaded{advice}")
    for magic, what in _CONTAINERS:
        if data.startswith(magic):
            raise ArtifactInvalid(f"the artifact is {what}, which is never loaded{advice}")


def _guarded(run: Callable[[FloatArray], FloatArray], rows: FloatArray) -> FloatArray:
    try:
        return run(rows)
    except ArtifactInvalid:
        raise
    except Exception as error:
        raise ArtifactInvalid(
            f"the model failed: {foreign_text(error)}", exception=type(error).__name__
        ) from error


def _warm_up(model: _Model, n_inputs: int) -> None:
    """Run three rows one by one and together; one finite answer is enough.

    A model may rightly have no value at zero (a logarithm), so not every answer must be finite.
    But a row's answer must be its own: what is logged of it is the row, not its neighbours.
    """
    probes = np.array([[0.0], [1.0], [0.25]]) * np.ones(n_inputs)
    alone = np.concatenate([_probe(model, probes[i : i + 1]) for i in range(len(probes))])
    together = _probe(model, probes)
    finite = np.isfinite(alone)
    if not finite.any():
        raise ArtifactInvalid("the model answers no finite number to zeros, ones and quarters")
    tolerance = _SAME_ROW * max(1.0, float(np.abs(alone[finite]).max()))
    if not np.allclose(alone, together, rtol=0.0, atol=tolerance, equal_nan=True):
        raise ArtifactInvalid(
            "the model answers a row otherwise when other rows stand beside it, or otherwise the "
            "second time; export it so that each row's answer depends on that row alone"
        )


def _probe(model: _Model, rows: FloatArray) -> FloatArray:
    outputs = _guarded(model.run, rows)
    if outputs.shape != (len(rows),):
        raise ArtifactInvalid(
            f"the model answers {len(rows)} rows with an array of shape {outputs.shape}; "
            "it must answer one number a row"
        )
    return outputs
