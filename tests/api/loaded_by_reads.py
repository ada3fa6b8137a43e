"""A process of its own that reads a home by every reading command, and says what each imported.

``MODEL VERSION JOB VERDICT POLICY``: what to read. It prints JSON: by command its exit code and
what it imported of the libraries and rooms that only evaluate, predict or compute tables.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

_LIBRARIES = "numpy polars pandas scipy sklearn onnx onnxruntime lightgbm skl2onnx"
_ROOMS = "artifacts backtest drift.scan evaluation serving statistics training"
HEAVY = frozenset([*_LIBRARIES.split(), *(f"tradeworthy.{room}" for room in _ROOMS.split())])


def reading_commands(
    model: str, version: str, job: str, verdict: str, policy: str
) -> list[list[str]]:
    """Return every command that only reads what the registry keeps."""
    return [
        ["whoami"],
        ["models", "list"],
        ["models", "versions", model],
        ["models", "show", model, version],
        ["models", "search", "--stage", "TRAINED"],
        ["models", "status", model],
        ["history", model],
        ["datasets", "list"],
        ["features", "active"],
        ["drift", "reports", model],
        ["policy", "show", model],
        ["policy", "show", model, "--digest", policy],
        ["models", "verdict", model, verdict],
        ["manifest", "fetch", model, version],
        ["tokens", "list"],
        ["jobs", "show", job],
    ]


def main(model: str, version: str, job: str, verdict: str, policy: str) -> None:
    """Run them one after the other, those of the first import first."""
    from tradeworthy.cli.app import app

    found = []
    for command in reading_commands(model, version, job, verdict, policy):
        errors = io.StringIO()
        code: object = 0
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            try:
                app(command)
            except SystemExit as ended:
                code = ended.code or 0
        loaded = sorted(HEAVY & set(sys.modules))
        found.append([" ".join(command), code, errors.getvalue(), loaded])
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
