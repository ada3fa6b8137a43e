"""A worker stays light: serving loads no training library."""

import json
import os
import subprocess
import sys
from pathlib import Path

HEAVY = {"pandas", "sklearn", "scipy", "mlflow", "lightgbm", "onnx", "polars", "sqlalchemy"}
PROGRAM = """
import json, sys
import tradeworthy.serving.hot_path, tradeworthy.prediction_log.reader
import tradeworthy.artifacts.lightgbm_predictor as lightgbm_predictor
from tradeworthy.errors import ArtifactInvalid
try:
    lightgbm_predictor.load_library(lightgbm_predictor.find_library())
except ArtifactInvalid:
    pass
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
READER = """
import json, sys
import tradeworthy.prediction_log.reader
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return set(json.loads(done.stdout))


def test_serving_loads_no_training_library() -> None:
    modules = loaded(PROGRAM)
    assert "onnxruntime" in modules
    assert modules & (HEAVY | {"fastapi", "starlette", "pydantic", "uvicorn"}) == set()


def test_reader_of_the_log_loads_no_inference_runtime() -> None:
    assert loaded(READER) & (HEAVY | {"onnxruntime", "asyncio"}) == set()


def test_the_inference_runtime_leaves_no_trace_in_the_users_folders(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    program = "import tradeworthy.artifacts.onnx_predictor"
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert list(tmp_path.rglob("*")) == []
