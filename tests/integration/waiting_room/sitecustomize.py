"""Lets an evaluation's process begin only when somebody opens the door, a named pipe."""

import os
import sys
from pathlib import Path

if "tradeworthy.training.evaluation_worker" in sys.orig_argv:
    Path(os.environ["TEST_DOOR"]).read_bytes()
