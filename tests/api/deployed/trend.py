"""Follow yesterday's return: least squares on two features, exported by hand."""

from collections.abc import Mapping

import numpy as np
import onnx
import polars as pl
from onnx import TensorProto, helper, numpy_helper

from tradeworthy import Strategy

INPUTS = ("day_return", "week_return")


class Line:
    """A linear model."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return rows @ self.weights

    def to_onnx(self) -> onnx.ModelProto:
        weights = numpy_helper.from_array(self.weights.reshape(-1, 1), "w")
        count = len(self.weights)
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            "line",
            [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, count])],
            [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])],
            [weights],
        )
        opsets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def train(table: pl.DataFrame, config: Mapping[str, float]) -> Line:
    inputs = table.select(INPUTS).to_numpy()
    label = table["next_return"].to_numpy()
    shrink = config["ridge"] * np.eye(len(INPUTS))
    return Line(np.linalg.solve(inputs.T @ inputs + shrink, inputs.T @ label))


def target_weight(
    forecasts: np.ndarray, rows: pl.DataFrame, config: Mapping[str, float]
) -> np.ndarray:
    return np.clip(forecasts * config["gain"], -0.5, 0.5)


strategy = Strategy(
    name="trend",
    features="features.py",
    inputs=INPUTS,
    label="next_return",
    label_horizon=1,
    train=train,
    signal=target_weight,
    config={"ridge": 1e-6, "gain": 100.0},
    seeds={},
)
