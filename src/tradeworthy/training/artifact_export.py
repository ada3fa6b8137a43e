"""Turning a fitted estimator into a file that can be served: ONNX or LightGBM's text."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradeworthy.artifacts.predictor import load_predictor
from tradeworthy.base.digests import sha256_hex
from tradeworthy.base.foreign_text import shortened, whole_text
from tradeworthy.base.users_errors import users_errors
from tradeworthy.errors import ArtifactInvalid

_LIBRARIES = frozenset({"sklearn", "lightgbm"})
_FORMATS = {".onnx": "onnx", ".txt": "lightgbm"}
_TO_ONNX = "a method to_onnx() that returns the ONNX ModelProto of the fitted model"
_OWN_FORM = f"give its class {_TO_ONNX}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """The bytes of an artifact, the name of its file, its format, and the modules that wrote it."""

    name: str
    format: str
    data: bytes
    libraries: tuple[str, ...] = ()


def export_artifact(estimator: object, n_inputs: int) -> Artifact:
    """Return the artifact of ``estimator``.

    Parameters
    ----------
    estimator
        A fitted scikit-learn estimator or pipeline, a LightGBM booster or model, an ONNX
        ``ModelProto``, an object whose ``to_onnx()`` returns one, or the path of an ONNX file or
        a LightGBM text file.
    n_inputs
        How many features the model takes.

    Raises
    ------
    ArtifactInvalid
        For anything else, or if the conversion fails.
    """
    if isinstance(estimator, Path):
        return _read(estimator)
    with users_errors(f"{type(estimator).__name__} cannot be exported"):
        exported = _by_itself(estimator)
    if exported is not None:
        return exported
    data = _from_sklearn(estimator, n_inputs)
    return Artifact("model.onnx", "onnx", data, ("onnx", "skl2onnx"))


def _by_itself(estimator: Any) -> Artifact | None:
    """Return the artifact of what knows its own form, None for the rest."""
    if hasattr(estimator, "to_onnx"):
        estimator = estimator.to_onnx()
    if hasattr(estimator, "SerializeToString"):
        return Artifact("model.onnx", "onnx", estimator.SerializeToString(deterministic=True))
    booster = getattr(estimator, "booster_", estimator)
    if hasattr(booster, "model_to_string"):
        return Artifact("model.txt", "lightgbm", booster.model_to_string().encode())
    return None


def _read(path: Path) -> Artifact:
    if path.suffix not in _FORMATS:
        raise ArtifactInvalid(
            f"{path.name}: artifacts are .onnx or LightGBM's .txt; pickles are never taken"
        )
    try:
        return Artifact(path.name, _FORMATS[path.suffix], path.read_bytes())
    except OSError as error:
        raise ArtifactInvalid(f"{path} cannot be read: {error.strerror}") from error


def _from_sklearn(estimator: object, n_inputs: int) -> bytes:
    # Only a process that has made a scikit-learn estimator has loaded it.
    base = sys.modules.get("sklearn.base")
    if base is None or not isinstance(estimator, base.BaseEstimator):
        raise ArtifactInvalid(
            f"{type(estimator).__name__} cannot be served: it is no estimator of scikit-learn or "
            f"LightGBM. Fit one of those, or {_OWN_FORM}"
        )
    try:
        skl2onnx: Any = importlib.import_module("skl2onnx")
        types: Any = importlib.import_module("skl2onnx.common.data_types")
    except ImportError as error:
        raise ArtifactInvalid(
            "scikit-learn estimators need skl2onnx: install tradeworthy[sklearn]"
        ) from error
    refused = ""
    # Doubles keep parity with the estimator; what onnxruntime has in floats only, as tree
    # ensembles, takes floats.
    for kind in (types.DoubleTensorType, types.FloatTensorType):
        try:
            data = _converted(skl2onnx, estimator, kind([None, n_inputs]))
            load_predictor(data, format="onnx", expected_sha256=sha256_hex(data), n_inputs=n_inputs)
        except ArtifactInvalid as error:
            refused = error.message
        else:
            return data
    raise ArtifactInvalid(
        f"{type(estimator).__name__} cannot be served: {_with_ways_out(estimator, refused)}"
    )


def _with_ways_out(estimator: object, refused: str) -> str:
    if type(estimator).__module__.partition(".")[0] not in _LIBRARIES:
        return (
            f"{refused}. Fit an estimator of scikit-learn itself, since a class derived from one "
            f"is not converted, or {_OWN_FORM}"
        )
    validation: Any = importlib.import_module("sklearn.utils.validation")
    exceptions: Any = importlib.import_module("sklearn.exceptions")
    try:
        validation.check_is_fitted(estimator)
    except exceptions.NotFittedError:
        return "it is not fitted: call its fit() with the training rows first"
    return (
        f"{refused}. Fit another estimator, since skl2onnx does not know this class, or derive a "
        f"class from it with {_TO_ONNX}"
    )


def _converted(skl2onnx: Any, estimator: object, rows: object) -> bytes:
    try:
        proto = skl2onnx.to_onnx(
            estimator,
            initial_types=[("rows", rows)],
            options={"zipmap": False} if hasattr(estimator, "predict_proba") else None,
        )
    except Exception as error:
        # Their first line says what is wrong; the rest is for whoever writes converters.
        first, _, _ = whole_text(error).partition("\n")
        raise ArtifactInvalid(
            f"skl2onnx does not convert it: {shortened(first, 150).rstrip('.')}"
        ) from error
    data: bytes = proto.SerializeToString(deterministic=True)
    return data
