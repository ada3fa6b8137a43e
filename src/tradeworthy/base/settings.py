"""Settings: from the environment, with defaults under the home folder.

Each field is read from ``TRADEWORTHY_`` and its name in capitals.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tradeworthy.base.field_faults import first_fault
from tradeworthy.errors import SettingsInvalid

MEBIBYTE = 2**20
PREFIX = "TRADEWORTHY_"
# The command line reads these itself.
_COMMAND_LINE = ("SERVER", "TOKEN", "TOKEN_FILE")
_ALIKE = 0.75
_LONGER = 2


class Settings(BaseSettings):
    """Where things lie and how large they may be."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        # An empty variable is how many tools write one that is not set.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(default=Path("tradeworthy-home"), description="the folder of everything")
    database_url: SecretStr | None = Field(
        default=None,
        description="sqlite:///path or postgresql://...; a file in the home by default",
    )
    strategies: Path | None = Field(
        default=None, description="the folder of feature and strategy files; in the home by default"
    )
    policy: Path | None = Field(default=None, description="the policy file; the home's by default")
    token_key: SecretStr | None = Field(
        default=None, description="the key of token MACs; the home's token.key by default"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="the address to listen on")
    port: int = Field(default=8765, ge=0, le=65535, description="the port; 0 takes a free one")
    prediction_log: Literal["strict", "fast"] = Field(
        default="strict", description="strict answers after the disk has the record"
    )
    max_predict_bytes: int = Field(default=MEBIBYTE, ge=1, description="largest predict body")
    max_upload_bytes: int = Field(default=256 * MEBIBYTE, ge=1, description="largest upload")
    refresh_seconds: float = Field(
        default=0.5,
        gt=0,
        le=60,
        allow_inf_nan=False,
        description="how often a worker looks for changes",
    )
    lease_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        allow_inf_nan=False,
        description="how long a worker serves without confirmation",
    )
    scheduler: bool = Field(default=True, description="run the drift schedule in the service")
    evaluation_seconds: float = Field(
        default=600.0, gt=0, allow_inf_nan=False, description="how long one backtest may take"
    )
    job_lease_seconds: float = Field(
        default=30.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="how long a job stays with a silent worker",
    )

    _typed_home: Path | None = PrivateAttr(default=None)

    @property
    def database(self) -> str:
        """The database's URL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home.absolute() / 'tradeworthy.sqlite'}"

    def absolute(self) -> Settings:
        """Return these settings with folders that stay where they are, whatever folder is current.

        Examples
        --------
        >>> Settings(home=Path("home")).absolute().policy_file.is_absolute()
        True
        """
        places = {name: getattr(self, name) for name in ("home", "strategies", "policy")}
        absolute = self.model_copy(
            update={name: place and place.absolute() for name, place in places.items()}
        )
        absolute._typed_home = self._typed_home or self.home
        return absolute

    @property
    def init_command(self) -> str:
        """What makes this home, or brings its database up to date."""
        home = self._typed_home or self.home
        if home == type(self).model_fields["home"].default:
            return "tradeworthy init"
        return f"tradeworthy --home {shlex.quote(str(home))} init"

    @property
    def strategies_folder(self) -> Path:
        """The folder whose feature and strategy files this deployment runs."""
        return self.strategies or self.home / "strategies"

    @property
    def policy_file(self) -> Path:
        """The policy file in force."""
        return self.policy or self.home / "ml_promotion_policy.yaml"

    @property
    def blobs_folder(self) -> Path:
        """Where artifacts and market data lie."""
        return self.home / "blobs"

    @property
    def predictions_folder(self) -> Path:
        """Where the prediction log lies."""
        return self.home / "predictions"

    @property
    def token_key_file(self) -> Path:
        """Where the key of token MACs lies unless a setting gives it."""
        return self.home / "token.key"


def read_settings(**overrides: object) -> Settings:
    """Read the settings; ``overrides`` win over the environment, None ones do not count.

    Raises
    ------
    SettingsInvalid
        Naming the setting and what is wrong with it, never its value; also for a variable that
        can only be a misspelt setting.
    """
    _refuse_slips(os.environ)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        fault = first_fault(error)
        name = fault.path.upper()
        raise SettingsInvalid(f"{PREFIX}{name} {fault.text}", setting=name) from error


def _refuse_slips(environment: Iterable[str]) -> None:
    known = {name.upper() for name in Settings.model_fields} | set(_COMMAND_LINE)
    for variable in sorted(environment):
        name = variable.upper().removeprefix(PREFIX)
        if variable.upper().startswith(PREFIX) and name not in known:
            meant = _meant(name, sorted(known))
            if meant is not None:
                raise SettingsInvalid(
                    f"{variable} is no setting: {PREFIX}{meant} is; rename or unset it",
                    setting=name,
                )


def _meant(name: str, known: Iterable[str]) -> str | None:
    """Return the setting that a name is a slip of, None for a name of something else.

    Examples
    --------
    >>> _meant("PROT", ["HOST", "PORT"]), _meant("DATABASE", ["DATABASE_URL"])
    ('PORT', 'DATABASE_URL')
    >>> _meant("TEST_DSN", ["HOST", "PORT", "DATABASE_URL"]) is None
    True
    """
    for each in known:
        alike = SequenceMatcher(None, name, each).ratio() >= _ALIKE
        if each.startswith(f"{name}_") or (alike and abs(len(name) - len(each)) <= _LONGER):
            return each
    return None
