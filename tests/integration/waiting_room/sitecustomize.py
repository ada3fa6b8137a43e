"""Lets an evaluation's process begin only when somebody opens the door, a named pipe.

An evaluation has an environment of its own; of a test's it has the path to modules.
"""

import sys
from pathlib import Path

if "tradeworthy.evaluation.fork_server_process" in sys.orig_argv:
    for folder in sys.path:
        door = Path(folder) / "door"
        if door.is_fifo():
            with door.open("rb", buffering=0) as waiting:
                waiting.read(1)
