"""Real processes: what a serving one has loaded, and how the commands fail."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from api.served_home import ServedHome, row
from api.small_home import SmallHome, speaking
from processes import as_nobody, children_of
from tradeworthy.features.feature_graph import FeatureGraph

HEAVY = {"pandas", "sklearn", "mlflow", "scipy", "lightgbm", "onnx", "skl2onnx", "torch", "polars"}
COMMAND = [sys.executable, "-m", "tradeworthy"]
SERVING = """
import json, socket, sys, threading, urllib.request
import uvicorn
from pathlib import Path
from tradeworthy.api.app import create_app
from tradeworthy.base.settings import read_settings

home, token, body = Path(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
app = create_app(read_settings(home=home, scheduler=True))
server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
thread = threading.Thread(target=server.run, args=([listener],))
thread.start()

def ask(path, data=None):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(url + path, data, headers)
    return urllib.request.urlopen(request).read()

answer = json.loads(ask("/api/v1/models/m/predict", body))
for path in ("models/m/status", "models/m/versions", "ml/m/history", "ml/m/policy"):
    ask(f"/api/v1/{path}")
ask("/api/v1/ml/m/promote", b'{"version": 2, "dry_run": true}')
ask("/api/v1/ml/drift/scans", b"{}")
server.should_exit = True
thread.join()
loaded = sorted({name.partition(".")[0] for name in sys.modules})
worker = [name for name in sys.modules if name.startswith("tradeworthy.training")]
print(json.dumps({"answer": answer, "loaded": loaded, "training": worker}))
"""


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, **options
    )


def test_a_serving_process_loads_nothing_that_trains(home: SmallHome) -> None:
    bound = FeatureGraph.read_file(home.features).closure(tuple(row())).hash
    body = json.dumps({"rows": [row()], "feature_graph_hash": bound})
    arguments = [str(home.folder), home.token("all"), body]
    done = subprocess.run(
        [sys.executable, "-c", SERVING, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["answer"]["version"] == 1
    assert "onnxruntime" in found["loaded"]
    assert HEAVY & set(found["loaded"]) == set()
    # The deployed strategy was hashed, and evaluated elsewhere: never imported here.
    assert {"features", "trend"} & set(found["loaded"]) == set()
    assert set(found["training"]) <= {
        "tradeworthy.training",
        "tradeworthy.evaluation.ahead",
        "tradeworthy.evaluation.child",
        "tradeworthy.evaluation.fork_server",
        "tradeworthy.evaluation.process",
    }


def test_a_port_that_is_taken(home: SmallHome) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("--home", str(home.folder), "serve", "--port", port)
    assert done.returncode == 7
    assert done.stderr.startswith("address_in_use: ")
    assert port in done.stderr


def test_a_server_that_is_not_there(served: ServedHome) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for address in (url, "http://nowhere.invalid"):
        token = str(served.home.folder / "vera.token")
        done = run("--server", address, "--token-file", token, "models", "list")
        assert done.returncode == 7
        assert done.stderr.startswith("server_unreachable: ")


def test_a_home_that_does_not_exist(tmp_path: Path) -> None:
    for command in (["serve"], ["models", "list"], ["scheduler", "--once"]):
        done = run("--home", str(tmp_path / "none"), *command)
        assert done.returncode == 7
        assert done.stderr.startswith("home_unusable: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("readable", [True, False])
def test_a_home_that_cannot_be_written(reachable: Path, readable: bool) -> None:
    folder = reachable / "locked"
    folder.mkdir(mode=0o555 if readable else 0o000)
    command = as_nobody([*COMMAND, "--home", str(folder / "home"), "init"])
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 7, done.stderr
    # Libraries may complain of the folders of their own that nobody has.
    assert done.stderr.splitlines()[-1].startswith("home_unusable: ")
    assert "--home" in done.stderr
    folder.chmod(0o755)
    assert list(folder.iterdir()) == []


def test_a_home_whose_folder_is_a_file(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("mine")
    done = run("--home", str(place), "init")
    assert done.returncode == 7
    assert done.stderr.startswith("home_unusable: ")
    assert place.read_text() == "mine"


def test_initialising_twice_keeps_everything(home: SmallHome) -> None:
    before = {file: file.read_bytes() for file in home.folder.glob("*.token")}
    key = (home.folder / "token.key").read_bytes()
    done = run("--home", str(home.folder), "init", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["admin_token"] is None
    assert {file: file.read_bytes() for file in home.folder.glob("*.token")} == before
    assert (home.folder / "token.key").read_bytes() == key
    token = str(home.folder / "vera.token")
    listed = run("--home", str(home.folder), "--token-file", token, "models", "list", "--json")
    assert [each["name"] for each in json.loads(listed.stdout)] == ["empty", "far", "m"]


def test_a_home_that_is_closed_leaves_no_process(story_home: SmallHome, tmp_path: Path) -> None:
    before = set(children_of(os.getpid()))
    with speaking(story_home.copy(tmp_path / "home"), "all") as everybody:
        everybody.post("/api/v1/ml/m/backtest", {"version": 3})
        assert set(children_of(os.getpid())) - before != set()
    assert set(children_of(os.getpid())) - before == set()
