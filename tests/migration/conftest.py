"""Migrations begin with an empty database."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine


@pytest.fixture
def engine(empty_engine: Engine) -> Engine:
    """An empty database of each kind."""
    return empty_engine
