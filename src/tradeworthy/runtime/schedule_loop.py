"""The drift schedule as a process of its own."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import threading

from tradeworthy.base.settings import Settings
from tradeworthy.errors import TradeworthyError
from tradeworthy.runtime.drift_scheduler import SCHEDULER_SECONDS
from tradeworthy.runtime.service import open_service
from tradeworthy.store.ports.drift_reports import DriftReportRecord


def run_schedule(settings: Settings, *, once: bool) -> None:
    """Run every due scan, again and again until interrupted; print a line a new report."""
    service = open_service(settings, randomness=secrets.token_bytes)
    stopped = threading.Event()
    if not once:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stopped.set())
    try:
        while True:
            try:
                for record in service.scheduler.due_reports(service.clock()):
                    _tell(record)
            except TradeworthyError as error:
                if once:
                    raise
                why = "; ".join([error.message, *getattr(error, "__notes__", ())])
                sys.stderr.write(f"{error.code}: {why}; trying again\n")
            if once or stopped.wait(SCHEDULER_SECONDS):
                return
    finally:
        service.close()


def _tell(record: DriftReportRecord) -> None:
    summary = {
        "model": record.model,
        "version": record.version,
        "slot": record.slot.isoformat(),
        "status": record.status,
        "severity": record.severity,
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.stdout.flush()
