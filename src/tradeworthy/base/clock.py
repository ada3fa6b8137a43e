"""The one place that reads the clock; everything else gets the time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, UTC."""
    return datetime.now(UTC)
