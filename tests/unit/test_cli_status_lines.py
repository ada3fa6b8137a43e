"""What a model's status says of a version that was stopped."""

from __future__ import annotations

import pytest

from tradeworthy.cli.models import status_lines


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (None, "quarantine  no"),
        ("no", "quarantine  yes: no (by olga at 2026-01-06)"),
        ("odd", "quarantine  yes: odd (by olga at 2026-01-06)"),
    ],
)
def test_a_quarantine_is_said_whatever_its_reason(reason: str | None, said: str) -> None:
    production = {
        "version": 1,
        "stage_since": "2026-01-05",
        "quarantine_reason": reason,
        "quarantined_by": "olga",
        "quarantined_at": "2026-01-06",
    }
    found = {"model": "m", "strategy": "s", "epoch": 1, "production": production}
    lines = status_lines(found | dict.fromkeys(("alignment", "drift", "rollback")))
    assert said in [*lines]
    newest = {"slot": "2026-01-07", "status": "OK", "severity": "SEVERE", "shortage": None}
    drift = {"version": 1, "state": "reported", "next_slot": "2026-01-08", "report": newest}
    text = "\n".join(status_lines(found | {"alignment": None, "rollback": None, "drift": drift}))
    assert "retrain it" in text
    assert ("tradeworthy quarantine" in text) == (reason is None)
