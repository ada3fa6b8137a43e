"""What the environment may say, and what a slip in it is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradeworthy.base.settings import Settings, read_settings
from tradeworthy.errors import SettingsInvalid


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every setting out of the environment."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRADEWORTHY_{name.upper()}", raising=False)


@pytest.mark.parametrize(
    ("home", "command"),
    [
        (None, "tradeworthy init"),
        ("nowhere", "tradeworthy --home nowhere init"),
        ("my home", "tradeworthy --home 'my home' init"),
    ],
)
def test_the_command_that_makes_a_home_names_it(home: str | None, command: str) -> None:
    assert read_settings(home=home and Path(home)).init_command == command


BAD = {
    "PORT": ["abc", "70000", "-1", "1.5", "tcp://10.0.0.1:8765"],
    "PREDICTION_LOG": ["Strict", "none"],
    "MAX_PREDICT_BYTES": ["0", "1MB", "1e6.5"],
    "MAX_UPLOAD_BYTES": ["-1"],
    "REFRESH_SECONDS": ["0", "nan", "inf", "61"],
    "LEASE_SECONDS": ["-1", "NaN"],
    "SCHEDULER": ["maybe"],
    "EVALUATION_SECONDS": ["0", "inf", "nan"],
    "JOB_LEASE_SECONDS": ["0", "nan"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_a_bad_value_names_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TRADEWORTHY_{name}", value)
    with pytest.raises(SettingsInvalid, match=f"TRADEWORTHY_{name} (must|is) "):
        read_settings()


@pytest.mark.parametrize("name", [name for name in BAD if name.endswith("_SECONDS")])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_seconds_that_are_no_number_are_said_to_be_none(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TRADEWORTHY_{name}", value)
    with pytest.raises(SettingsInvalid, match=f"TRADEWORTHY_{name} must be a finite number"):
        read_settings()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_is_not_quoted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TRADEWORTHY_{name}", "a-pasted-secret")
    with pytest.raises(SettingsInvalid) as caught:
        read_settings()
    assert "pasted" not in caught.value.message


SLIPS = {
    "PROT": "PORT",
    "POTR": "PORT",
    "HSOT": "HOST",
    "HOMES": "HOME",
    "DATABASE": "DATABASE_URL",
    "DATABSE_URL": "DATABASE_URL",
    "MAX_UPLOAD_BYTE": "MAX_UPLOAD_BYTES",
    "MAX_UPLOAD": "MAX_UPLOAD_BYTES",
    "PREDICTION_LOGS": "PREDICTION_LOG",
    "SHEDULER": "SCHEDULER",
    "LEASE_SECOND": "LEASE_SECONDS",
    "TOKENFILE": "TOKEN_FILE",
    "TOKEN_KEYS": "TOKEN_KEY",
    "SEVER": "SERVER",
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_reported_with_what_was_meant(slip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TRADEWORTHY_{slip}", "secret")
    with pytest.raises(SettingsInvalid, match=f"TRADEWORTHY_{SLIPS[slip]} is") as caught:
        read_settings()
    assert f"TRADEWORTHY_{slip} " in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "name",
    ["TEST_DSN", "MARKET_DATA", "PEER_PYTHON", "BENCHMARK_RESULTS", "IMAGE", "SERVICE_HOST",
     "VERSION", "SERVER", "TOKEN", "TOKEN_FILE", "PORT_8765_TCP"],
)  # fmt: skip
def test_what_is_meant_for_others_is_let_be(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TRADEWORTHY_{name}", "x")
    assert read_settings().port == 8765


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_one_that_is_not_set(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TRADEWORTHY_{name.upper()}", "")
    assert read_settings() == Settings()


def test_an_address_is_never_empty() -> None:
    """An empty one would listen on every interface."""
    with pytest.raises(SettingsInvalid, match="TRADEWORTHY_HOST"):
        read_settings(host="")


def test_what_is_requested_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWORTHY_PORT", "1")
    monkeypatch.setenv("tradeworthy_home", "/from/the/environment")
    assert read_settings(port=2).port == 2
    assert read_settings(port=None).port == 1
    assert read_settings().home == Path("/from/the/environment")
