"""The end of training, as it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tradeworthy.errors import InvalidInput


def parse_train_end(text: str) -> date | datetime:
    """Return the last moment to train on, in UTC as bars are where an offset is written.

    A day without a time means all of that day.

    Raises
    ------
    InvalidInput
        For text that is no date.

    Examples
    --------
    >>> parse_train_end("2019-12-31")
    datetime.date(2019, 12, 31)
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no date: write it as 2011-12-30", field="until") from error
    if _is_day(text):
        return moment.date()
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
