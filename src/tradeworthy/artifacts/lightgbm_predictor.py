"""LightGBM text models by the C library, without importing the package.

``import lightgbm`` pulls in scikit-learn and scipy: 1.5 s and 100 MB a worker. The shared library
inside the installed package is found by its import specification, which executes nothing, and
called through ctypes. Functions: https://lightgbm.readthedocs.io/en/latest/C-API.html
"""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.artifacts.lightgbm_text import check_model_text
from tradeworthy.errors import ArtifactInvalid

FloatArray: TypeAlias = npt.NDArray[np.float64]

_FLOAT64: Final = 1
_ROW_MAJOR: Final = 1
_PREDICT_NORMAL: Final = 0
_PARAMETERS: Final = b"num_threads=1 verbosity=-1"
_LIBRARIES: Final = ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll")
_INSTALL: Final = "install the lightgbm package in this environment, or convert the model to ONNX"
# Kept for the life of the process: the library calls it.
_SILENCE: Final = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda _message: None)


class LightGbmModel:
    """A booster behind LightGBM's C interface, on one thread.

    ``run`` may be called from several threads: batches share the booster, which LightGBM guards
    by a reader lock; the single-row call has buffers of its own and is guarded here.

    Raises
    ------
    ArtifactInvalid
        When the library is missing or does not load the model, for another number of inputs and
        for more than one output a row.
    """

    def __init__(self, data: bytes, n_inputs: int) -> None:
        check_model_text(data)
        self.largest = float(np.finfo(np.float64).max)
        self._library = library = load_library(find_library())
        self._booster = ctypes.c_void_p()
        self._fast = ctypes.c_void_p()
        iterations = ctypes.c_int()
        _call(
            library,
            "LGBM_BoosterLoadModelFromString",
            data,
            ctypes.byref(iterations),
            ctypes.byref(self._booster),
        )
        self._n_inputs = n_inputs
        self._check_shape()
        self._lock = threading.Lock()
        self._row = np.zeros(n_inputs)
        self._value = np.zeros(1)
        self._written = ctypes.c_int64()
        self._prepare_single_row()

    def __del__(self) -> None:
        if getattr(self, "_fast", None):
            self._library.LGBM_FastConfigFree(self._fast)
        if getattr(self, "_booster", None):
            self._library.LGBM_BoosterFree(self._booster)

    def run(self, rows: FloatArray) -> FloatArray:
        """Predict float64 ``[n, k]`` to float64 ``[n]``."""
        return self._run_one(rows) if len(rows) == 1 else self._run_batch(rows)

    def _run_one(self, rows: FloatArray) -> FloatArray:
        with self._lock:
            self._row[:] = rows[0]
            if self._single(*self._arguments):
                raise _failure(self._library)
            return self._value.copy()

    def _run_batch(self, rows: FloatArray) -> FloatArray:
        rows = np.ascontiguousarray(rows)
        outputs = np.empty(len(rows))
        written = ctypes.c_int64()
        _call(
            self._library,
            "LGBM_BoosterPredictForMat",
            self._booster,
            rows.ctypes.data_as(ctypes.c_void_p),
            _FLOAT64,
            ctypes.c_int32(len(rows)),
            ctypes.c_int32(self._n_inputs),
            _ROW_MAJOR,
            _PREDICT_NORMAL,
            0,
            -1,
            _PARAMETERS,
            ctypes.byref(written),
            outputs.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )
        return outputs

    def _check_shape(self) -> None:
        inputs, classes = ctypes.c_int(), ctypes.c_int()
        _call(self._library, "LGBM_BoosterGetNumFeature", self._booster, ctypes.byref(inputs))
        _call(self._library, "LGBM_BoosterGetNumClasses", self._booster, ctypes.byref(classes))
        if inputs.value != self._n_inputs:
            raise ArtifactInvalid(
                f"the LightGBM model takes {inputs.value} inputs, its manifest names "
                f"{self._n_inputs}",
                expected=self._n_inputs,
                actual=inputs.value,
            )
        if classes.value != 1:
            raise ArtifactInvalid(
                f"the LightGBM model answers {classes.value} numbers a row; one is served"
            )

    def _prepare_single_row(self) -> None:
        _call(
            self._library,
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._booster,
            _PREDICT_NORMAL,
            0,
            -1,
            _FLOAT64,
            ctypes.c_int32(self._n_inputs),
            _PARAMETERS,
            ctypes.byref(self._fast),
        )
        self._single = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._arguments = (
            self._fast,
            self._row.ctypes.data_as(ctypes.c_void_p),
            ctypes.byref(self._written),
            self._value.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )


def find_library(package: str = "lightgbm") -> Path:
    """Find LightGBM's shared library without importing anything.

    Raises
    ------
    ArtifactInvalid
        When the package is not installed, with what to do.

    Examples
    --------
    >>> from tradeworthy.errors import ArtifactInvalid
    >>> try:
    ...     find_library("a_package_that_is_not_installed")
    ... except ArtifactInvalid as error:
    ...     print(error.code)
    artifact_invalid
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for place in (Path(folder) / "lib", Path(folder) / "bin", Path(folder)):
            for name in _LIBRARIES:
                if (place / name).is_file():
                    return place / name
    raise ArtifactInvalid(f"LightGBM's library is not here; {_INSTALL}", library=package)


@cache
def load_library(path: Path) -> ctypes.CDLL:
    """Load the shared library once a process, on one thread and with its log silenced.

    Raises
    ------
    ArtifactInvalid
        When it does not load, most often because the OpenMP runtime (libgomp) is missing.
    """
    try:
        library = ctypes.CDLL(str(path))
        library.LGBM_GetLastError.restype = ctypes.c_char_p
        library.LGBM_RegisterLogCallback(_SILENCE)
        library.LGBM_SetMaxThreads(1)
    except (OSError, AttributeError) as error:
        raise ArtifactInvalid(
            f"LightGBM's library does not load ({error}); install the OpenMP runtime, libgomp1 "
            f"or libomp, or {_INSTALL}",
            library=path.name,
        ) from error
    return library


def _call(library: ctypes.CDLL, function: str, *arguments: object) -> None:
    if library[function](*arguments):
        raise _failure(library)


def _failure(library: ctypes.CDLL) -> ArtifactInvalid:
    message = library.LGBM_GetLastError()
    return ArtifactInvalid(f"LightGBM does not run the model: {message.decode('utf-8', 'replace')}")
