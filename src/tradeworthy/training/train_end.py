"""The end of training, as it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tradeworthy.errors import InvalidInput


def parse_train_end(value: str | date | datetime) -> date | datetime:
    """Return the last moment to train on, in UTC as bars are where it has an offset.

    A day without a time means all of that day.

    Raises
    ------
    InvalidInput
        For text that is no date, or one outside of the years 1 to 9999 in UTC.

    Examples
    --------
    >>> parse_train_end("2019-12-31")
    datetime.date(2019, 12, 31)
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{value!r} is no date: write it as 2011-12-30", field="until"
        ) from error
    return moment.date() if _is_day(value) else _in_utc(moment)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        message = f"{moment.isoformat()} lies outside of the years 1 to 9999 in UTC"
        raise InvalidInput(message, field="until") from error


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
