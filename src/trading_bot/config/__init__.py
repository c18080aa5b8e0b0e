"""The configuration as a whole: defaults, then the file, then ``.env``, then the environment."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from trading_bot.config.accounts import SeveralAccountsError, chosen_account, names_of
from trading_bot.config.agent_settings import AgentConfig, GatewayKind, Review
from trading_bot.config.credentials import Credentials, KnownCredentials
from trading_bot.config.environment import read_env_file, settings_in, variable_name
from trading_bot.config.file import read_settings
from trading_bot.config.log_settings import LogConfig
from trading_bot.config.notify_settings import HeartbeatConfig, MetricsConfig, NotifyConfig
from trading_bot.config.problems import ConfigError, KeyPath, problems_in
from trading_bot.config.protection_settings import ProtectionConfig
from trading_bot.config.results_settings import ResultsConfig
from trading_bot.config.risk_settings import RiskManagementConfig, with_live_limits
from trading_bot.config.secret_urls import SecretUrls
from trading_bot.config.sections import (
    CollarConfig,
    HoursConfig,
    OnStop,
    OrderManagementConfig,
    PaperConfig,
    PaperWire,
    QuotesFrom,
    Section,
    StrategyOverride,
    TradingConfig,
)
from trading_bot.config.values import AccountNumber, JournalUrl, PlainPath, exchange_zone
from trading_bot.market_hours import Calendar
from trading_bot.order_management.models import ExecutionMode

__all__ = [
    "AgentConfig",
    "CollarConfig",
    "Config",
    "ConfigError",
    "Credentials",
    "GatewayKind",
    "HeartbeatConfig",
    "HoursConfig",
    "LogConfig",
    "MetricsConfig",
    "NotifyConfig",
    "OnStop",
    "OrderManagementConfig",
    "PaperConfig",
    "PaperWire",
    "ProtectionConfig",
    "QuotesFrom",
    "ResultsConfig",
    "Review",
    "RiskManagementConfig",
    "SecretUrls",
    "SeveralAccountsError",
    "StrategyOverride",
    "TradingConfig",
]

_DEFAULT_FILE = "config.json"
_ENV_FILE = ".env"
_STATE_FOLDER = "trading-bot"
_SUFFIX_LENGTH = 4
_WITHOUT_EFFECT = frozenset({"order_management.journal_max_bytes"})
"""Settings of version 0.1 that are still read and change nothing: the journal is a database and is not rotated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """Where settings came from: no part of what they are, so configurations that say the same are equal."""

    folder: Path = field(default=Path(), compare=False)
    file: Path | None = field(default=None, compare=False)
    named: Mapping[KeyPath, str] = field(default_factory=dict, compare=False)
    account_name: str | None = None

    def remedy(self, key: KeyPath) -> str:
        """Say where the value of ``key`` can be corrected."""
        source = self.named.get(key, "file")
        if source == "file":
            return f"correct it in {self.file or _DEFAULT_FILE}"
        return f"correct {variable_name(key)} in {'the environment' if source == 'env' else source}"


class Config(Section):
    """Every setting of the bot. Folders are absolute once read by `from_env_and_json`."""

    trading: TradingConfig = Field(default_factory=TradingConfig)
    risk_management: RiskManagementConfig = Field(default_factory=RiskManagementConfig)
    order_management: OrderManagementConfig = Field(default_factory=OrderManagementConfig)
    paper: PaperConfig = Field(default_factory=PaperConfig)
    notify: NotifyConfig = Field(default_factory=NotifyConfig)
    heartbeat: HeartbeatConfig = Field(default_factory=HeartbeatConfig)
    metrics: MetricsConfig = Field(default_factory=MetricsConfig)
    protection: ProtectionConfig = Field(default_factory=ProtectionConfig)
    log: LogConfig = Field(default_factory=LogConfig)
    results: ResultsConfig = Field(default_factory=ResultsConfig)
    gateway: GatewayKind = GatewayKind.PRIVATE
    agent: AgentConfig = Field(default_factory=AgentConfig)
    account_number: AccountNumber | None = None
    logs_dir: PlainPath = Path("logs")
    state_dir: PlainPath | None = None
    journal_url: JournalUrl | None = None
    accounts: Mapping[str, Mapping[str, object]] = Field(default_factory=dict, exclude=True, repr=False)
    """The own settings of each account by its name, as they stand in the file; empty once one was chosen."""

    _sources: _Sources = PrivateAttr(default_factory=_Sources)

    @model_validator(mode="before")
    @classmethod
    def _live_limits_are_small(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        trading = values.get("trading")
        mode = trading.get("mode") if isinstance(trading, Mapping) else getattr(trading, "mode", None)
        if mode != ExecutionMode.LIVE:
            return values
        return {**values, "risk_management": with_live_limits(values.get("risk_management", {}))}

    @model_validator(mode="after")
    def _a_review_has_somebody_to_ask(self) -> Self:
        if self.agent.review is not Review.OFF and GatewayKind.AGENT not in (self.gateway, self.interface):
            raise ValueError(
                f"must not have agent.review {self.agent.review} where no order goes over the agent interface, which "
                "alone reviews orders; set it to off, or gateway to agent (on paper paper.wire)"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _real_prices_keep_real_hours(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        paper, trading = values.get("paper"), values.get("trading", {})
        quotes = paper.get("quotes") if isinstance(paper, Mapping) else getattr(paper, "quotes", None)
        if quotes != QuotesFrom.LIVE or not isinstance(trading, Mapping) or trading.get("calendar") is not None:
            return values
        return {**values, "trading": {**trading, "calendar": Calendar.NYSE}}

    @model_validator(mode="after")
    def _real_prices_come_over_the_wire_that_is_spoken(self) -> Self:
        is_shadow = self.trading.mode is ExecutionMode.PAPER and self.paper.has_live_quotes
        if is_shadow and self.interface is not self.gateway:
            raise ValueError(
                f"must not have paper.wire {self.paper.wire} with gateway {self.gateway} where paper.quotes is live: "
                "real prices are read over the interface that the paper exchange speaks, so make both the same"
            )
        return self

    @classmethod
    def from_env_and_json(
        cls,
        path: Path | str | None = None,
        *,
        account: str | None = None,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Self:
        """Read the configuration file, the ``.env`` beside it and the environment; the later one wins.

        Without ``path``, ``config.json`` of the current folder is read if it exists. Relative folders are meant from
        the file's own folder. ``account`` is the name of one of its accounts; where it has one only, that is meant.

        Raises:
            SeveralAccountsError: there are several, and none was named.
            ConfigError: a missing or unreadable file, or any setting that is unknown or out of range; or no time zones.
        """
        exchange_zone()  # without it there is no calendar, and no time to show
        file = _find_file(path, cwd or Path.cwd())
        chosen = chosen_account(read_settings(file) if file else {}, account)
        values = chosen.values
        folder = (file.parent if file else cwd or Path.cwd()).resolve()
        named = dict.fromkeys(_leaves(values), "file")
        env_file = settings_in(read_env_file(folder / _ENV_FILE), model=cls, source=str(folder / _ENV_FILE))
        env = settings_in(os.environ if environ is None else environ, model=cls, source="the environment")
        for source, settings in ((_ENV_FILE, env_file), ("env", env)):
            for key, text in settings.items():
                _put(values, key, text)
                named[key] = source
        sources = _Sources(folder=folder, file=file, named=named, account_name=chosen.name)
        return cls._read(chosen.with_logs_apart(), sources).resolved_from(folder)

    @classmethod
    def account_names(cls, path: Path | str | None = None, *, cwd: Path | None = None) -> tuple[str, ...]:
        """Return the names of the accounts of the file that `from_env_and_json` would read, in its order.

        Raises:
            ConfigError: the file cannot be read.
        """
        file = _find_file(path, cwd or Path.cwd())
        return names_of(read_settings(file)) if file else ()

    @classmethod
    def _read(cls, values: Mapping[str, object], sources: _Sources) -> Self:
        try:
            return cls.model_validate(values, context=sources)
        except ValidationError as error:
            raise ConfigError(problems_in(error, model=cls, remedy=sources.remedy)) from error

    def model_post_init(self, context: object, /) -> None:
        """Keep the sources that validation was given as its context."""
        if isinstance(context, _Sources):
            self._sources = context

    @property
    def file(self) -> Path | None:
        """The configuration file that was read, if there was one."""
        return self._sources.file

    @property
    def account_name(self) -> str | None:
        """What the file calls this account; None where it names no accounts."""
        return self._sources.account_name

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each setting came from, by its dotted key path: ``default``, ``file``, ``.env`` or ``env``."""
        return {".".join(key): self._sources.named.get(key, "default") for key in _leaves(self.model_dump())}

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The settings given somewhere that have no effect any more, by their dotted key paths."""
        given = (".".join(key) for key in self._sources.named)
        return tuple(sorted(key for key in given if key in _WITHOUT_EFFECT))

    @property
    def interface(self) -> GatewayKind:
        """The broker's interface that the account is traded over; on paper it is the one that the exchange speaks."""
        if self.trading.mode is ExecutionMode.LIVE:
            return self.gateway
        return GatewayKind.AGENT if self.paper.wire is PaperWire.AGENT else GatewayKind.PRIVATE

    @property
    def account_suffix(self) -> str | None:
        """The last four characters of the account number: all of it that may be shown."""
        return self.account_number.get_secret_value()[-_SUFFIX_LENGTH:] if self.account_number else None

    def credentials(self, environ: Mapping[str, str] | None = None) -> Credentials:
        """Read the broker's login from the environment, else from the ``.env`` beside the configuration file.

        Raises:
            ConfigError: a variable is missing or has stray spaces, or the file's secrets can be read by other users.
        """
        variables = os.environ if environ is None else environ
        return Credentials.from_env(variables, env_file=self._sources.folder / _ENV_FILE)

    def known_credentials(self, environ: Mapping[str, str] | None = None) -> KnownCredentials:
        """Read as much of the broker's login as the environment and ``.env`` tell.

        Raises:
            ConfigError: a variable has stray spaces, or the file's secrets can be read by other users.
        """
        variables = os.environ if environ is None else environ
        return KnownCredentials.from_env(variables, env_file=self._sources.folder / _ENV_FILE)

    def secret_urls(self, environ: Mapping[str, str] | None = None) -> SecretUrls:
        """Read where messages and heartbeats go, from the environment, else from the ``.env`` beside the file.

        Raises:
            ConfigError: an address is none, or the file's secrets can be read by other users.
        """
        variables = os.environ if environ is None else environ
        return SecretUrls.from_env(variables, env_file=self._sources.folder / _ENV_FILE)

    def resolve_state_dir(self, environ: Mapping[str, str] | None = None, home: Path | None = None) -> Path:
        """Return the state folder: ``state_dir``, else the one of the XDG base directory specification.

        Raises:
            ConfigError: none is named and there is no home folder to put it in.
        """
        if self.state_dir is not None:
            return self.state_dir
        base = Path((os.environ if environ is None else environ).get("XDG_STATE_HOME", ""))
        # The specification says to ignore a relative path.
        return (base if base.is_absolute() else (home or _home()) / ".local" / "state") / _STATE_FOLDER

    def resolved_from(self, folder: Path) -> Self:
        """Return the same settings with every relative path meant from ``folder``."""
        quotes_file = self.paper.quotes_file
        return self.model_copy(
            update={
                "logs_dir": folder / self.logs_dir,
                "state_dir": folder / self.state_dir if self.state_dir else None,
                "paper": self.paper.model_copy(update={"quotes_file": folder / quotes_file if quotes_file else None}),
            }
        )


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise ConfigError(["state_dir is not set and there is no home folder; set state_dir."]) from error


def _find_file(path: Path | str | None, cwd: Path) -> Path | None:
    if path is not None:
        return cwd / path
    return cwd / _DEFAULT_FILE if (cwd / _DEFAULT_FILE).exists() else None


def _leaves(values: Mapping[str, object], above: KeyPath = ()) -> Iterator[KeyPath]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)


def _put(values: dict[str, object], key: KeyPath, text: str | None) -> None:
    *sections, name = key
    for section in sections:
        below = values.setdefault(section, {})
        if not isinstance(below, dict):
            return  # what stands in place of the section is reported when the whole is read
        values = below
    values[name] = text
