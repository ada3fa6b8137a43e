"""What an estimator becomes when it is exported, and that it answers alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from tradeworthy.artifacts.predictor import load_predictor
from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import ArtifactInvalid, StrategyInvalid
from tradeworthy.training.artifact_export import Artifact, export_artifact
from tradeworthy.training.estimator import predict

RANDOM = np.random.default_rng(11)
ROWS = RANDOM.normal(size=(300, 3))
LABEL = ROWS @ [1.0, -2.0, 0.5] + RANDOM.normal(scale=0.1, size=300)

ESTIMATORS = {
    "linear": LinearRegression(),
    "tree": DecisionTreeRegressor(max_depth=4, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=20, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), Ridge()),
}


UNKNOWN = r"\. Fit another estimator, since skl2onnx does not know this class.*to_onnx\(\)"


class Own(LinearRegression):
    """A class derived from one that is converted is not."""


def answers(artifact: Artifact, rows: np.ndarray) -> np.ndarray:
    predictor = load_predictor(
        artifact.data,
        format=artifact.format,
        expected_sha256=sha256_hex(artifact.data),
        n_inputs=rows.shape[1],
    )
    return predictor.predict(rows)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_scikit_learn_becomes_onnx_that_answers_alike(name: str) -> None:
    # Tree ensembles compare in floats: keep the rows exact in them.
    rows = ROWS.astype(np.float32).astype(np.float64)
    fitted = ESTIMATORS[name].fit(rows, LABEL)
    artifact = export_artifact(fitted, 3)
    assert (artifact.name, artifact.format) == ("model.onnx", "onnx")
    tolerance = 1e-12 if name in {"linear", "pipeline"} else 1e-5
    np.testing.assert_allclose(answers(artifact, rows), fitted.predict(rows), atol=tolerance)


def test_the_same_estimator_gives_the_same_bytes() -> None:
    first = export_artifact(LinearRegression().fit(ROWS, LABEL), 3)
    second = export_artifact(LinearRegression().fit(ROWS, LABEL), 3)
    assert first == second


@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(5, random_state=0),
        LogisticRegression(),
        lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_classifier_answers_the_probability_of_the_greater_class(classifier: Any) -> None:
    rows = ROWS.astype(np.float32).astype(np.float64)
    fitted = classifier.fit(rows, LABEL > 0)
    expected = predict(fitted, rows)
    assert ((expected > 0.5) == fitted.predict(rows)).mean() > 0.95
    np.testing.assert_allclose(answers(export_artifact(fitted, 3), rows), expected, atol=1e-6)


def test_three_classes_have_no_one_probability() -> None:
    fitted = LogisticRegression().fit(ROWS, np.digitize(LABEL, [-1, 1]))
    with pytest.raises(StrategyInvalid, match="classifiers of two classes are served"):
        predict(fitted, ROWS)
    with pytest.raises(ArtifactInvalid):
        answers(export_artifact(fitted, 3), ROWS)


@pytest.mark.parametrize("wrapped", [False, True])
def test_lightgbm_becomes_its_text(wrapped: bool) -> None:
    fitted = lightgbm.LGBMRegressor(n_estimators=5, n_jobs=1, verbose=-1).fit(ROWS, LABEL)
    artifact = export_artifact(fitted if wrapped else fitted.booster_, 3)
    assert (artifact.name, artifact.format) == ("model.txt", "lightgbm")
    expected = fitted.booster_.predict(ROWS)
    np.testing.assert_allclose(answers(artifact, ROWS), expected, atol=1e-12)


def test_an_onnx_model_is_taken_as_it_is(tmp_path: Path) -> None:
    fitted = LinearRegression().fit(ROWS, LABEL)
    proto = skl2onnx.to_onnx(fitted, initial_types=[("x", DoubleTensorType([None, 3]))])
    artifact = export_artifact(proto, 3)
    np.testing.assert_allclose(answers(artifact, ROWS), fitted.predict(ROWS), atol=1e-12)
    file = tmp_path / "own.onnx"
    file.write_bytes(artifact.data)
    assert export_artifact(file, 3) == Artifact("own.onnx", "onnx", artifact.data)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.skops", "model"])
def test_a_pickle_is_refused_unread(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactInvalid, match="pickles are never taken"):
        export_artifact(tmp_path / name, 3)


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        (Path("nowhere.onnx"), "cannot be read"),
        (object(), "object cannot be served"),
        (LinearRegression(), "LinearRegression cannot be served: it is not fitted: call its fit"),
        (lightgbm.LGBMRegressor(), "LGBMRegressor cannot be served: it is not fitted"),
        (make_pipeline(Ridge()), "Pipeline cannot be served: it is not fitted"),
        (DummyRegressor().fit(ROWS, LABEL), UNKNOWN),
        (TransformedTargetRegressor().fit(ROWS, LABEL), UNKNOWN),
        (HistGradientBoostingRegressor(max_iter=2).fit(ROWS, LABEL), UNKNOWN),
        (Own().fit(ROWS, LABEL), "Own cannot be served: .*derived from one is not converted"),
        (make_pipeline(Own()).fit(ROWS, LABEL), r"test_artifact_export.Own'>'\. Fit an"),
    ],
)
def test_what_cannot_be_served(given: object, reported: str) -> None:
    with pytest.raises(ArtifactInvalid, match=reported) as refused:
        export_artifact(given, 3)
    assert len(str(refused.value)) < 400
    assert "issue" not in str(refused.value)
