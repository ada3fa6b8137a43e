"""How long importing and starting takes, beside `python -c pass` and MLflow's import.

    python benchmarks/start_speed.py [--rounds 9]

Each turn is a process of its own, by the same interpreter except for MLflow's; files are in the
page cache and byte code is compiled. The service's turn ends when `/readyz` answers 200 on a home
with a model in PRODUCTION.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from measure import PeerMissing, alternate, header, peer_python, report
from production_home import deploy

RUN = "import sys; from tradeworthy.cli.app import run; sys.exit(run())"
QUIET = subprocess.DEVNULL


def python(*arguments: str, executable: str = sys.executable) -> Callable[[], object]:
    """Return a turn that runs an interpreter to its end."""
    return lambda: subprocess.run([executable, *arguments], check=True, stdout=QUIET, stderr=QUIET)


def serve_until_ready(home: Path) -> float:
    """Start the service; return the seconds until it says that it is ready, then end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"TRADEWORTHY_HOME": str(home), "TRADEWORTHY_PORT": str(port)}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", RUN, "serve"], env=environment, stderr=QUIET)
    try:
        while time.perf_counter() - start < 60 and process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.005)
            else:
                return time.perf_counter() - start
    finally:
        process.terminate()
        process.wait(30)
    raise SystemExit("the service was not ready within 60 s")


def main() -> None:
    """Time every start in turns and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(header())
    turns = {
        "pass": python("-c", "pass"),
        "import": python("-c", "import tradeworthy"),
        "help": python("-c", RUN, "--help"),
    }
    why = ""
    try:
        turns["mlflow"] = python("-c", "import mlflow", executable=peer_python("mlflow"))
    except PeerMissing as error:
        why = str(error)
    times = alternate(turns, rounds)
    with tempfile.TemporaryDirectory() as name:
        home = deploy(Path(name) / "home").settings.home
        served = sorted(serve_until_ready(home) for _ in range(rounds))[rounds // 2]
    bare = times["pass"]
    report("import tradeworthy, whole process", times["import"] * 1e3, below=100, unit="ms")
    report("tradeworthy --help, whole process", times["help"] * 1e3, below=400, unit="ms")
    report("tradeworthy serve until /readyz is 200", served * 1e3, below=1000, unit="ms")
    report("python -c pass", bare * 1e3, unit="ms")
    for name, seconds in (("import", times["import"]), ("help", times["help"]), ("serve", served)):
        report(f"{name}: times `python -c pass`", seconds / bare)
    mlflow = times.get("mlflow")
    ratio = mlflow and mlflow / times["import"]
    report("import mlflow: times `import tradeworthy`, whole processes", ratio, why=why)


if __name__ == "__main__":
    main()
