"""Configuration: the file, the environment and ``.env``, read as a start and as a kill read them."""

from collections.abc import Collection, Mapping
from pathlib import Path

from tests.fuzz.bounds import misplaced, refuse_control, refuse_secrets
from trading_bot.config import Config, ConfigError, SeveralAccountsError
from trading_bot.config.kill_settings import settings_for_kill
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.account_number import configured_account

_PRIVATE = 0o600
_LONGEST_PROBLEM = 2048
_IN_FILE = {"5QR31415926": rb'"account_number"\s*:\s*"', "canary-db-password": rb'"journal_url"\s*:\s*"postgresql://u:'}
_IN_VARIABLES = {
    "canary-user@example.com": rb"(?m)^ROBINHOOD_USERNAME=",
    "canary-password": rb"(?m)^ROBINHOOD_PASSWORD=",
    "canary-mfa-SEED": rb"(?m)^ROBINHOOD_MFA_SECRET=",
    "canary-topic": rb"TRADING_BOT_(?:NOTIFY_URLS?|HEARTBEAT_URL?)[^\w]{0,3}[a-z]*://(?:[\w.]+/)*",
}
"""What stands before each secret of the corpus. Behind another name nobody can know that it is one."""


class ConfigFile:
    """``config.json``: what is in it decides whose money is traded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "config.json"

    def __call__(self, data: bytes) -> str:
        """Read the file as a start does, and as a kill does."""
        self._file.write_bytes(data)
        ended = _read(self._file, environ={}, but=misplaced(data, _IN_FILE))
        found = settings_for_kill(self._file, environ={})
        refuse_secrets(repr(found), found.problem, but=misplaced(data, _IN_FILE))
        assert [path.name for path in self._folder.iterdir()] == ["config.json"], "reading a file wrote others"
        return ended


class Environment:
    """Variables, one ``NAME=value`` a line, as the environment of a process."""

    def __init__(self, _folder: Path) -> None:
        self._cwd = _folder

    def __call__(self, data: bytes) -> str:
        """Read settings, login and addresses."""
        lines = data.decode("utf-8", errors="surrogateescape").replace("\0", "").split("\n")
        environ = {name: value for name, sign, value in (line.partition("=") for line in lines) if sign and name}
        return _read(None, environ=environ, cwd=self._cwd, but=misplaced(data, _IN_VARIABLES))


class EnvFile:
    """``.env`` beside the configuration file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / ".env").touch(mode=_PRIVATE)

    def __call__(self, data: bytes) -> str:
        """Read settings, login and addresses."""
        (self._folder / ".env").write_bytes(data)
        return _read(None, environ={}, cwd=self._folder, but=misplaced(data, _IN_VARIABLES))


def _read(
    file: Path | None,
    *,
    environ: Mapping[str, str],
    but: Collection[str],
    cwd: Path | None = None,
    name: str | None = None,
) -> str:
    try:
        config = Config.from_env_and_json(file, account=name, environ=environ, cwd=cwd)
    except SeveralAccountsError as error:
        _check_error(error, but)
        for each in error.names[:3]:
            _read(file, environ=environ, but=but, cwd=cwd, name=each)
        return "several"
    except ConfigError as error:
        _check_error(error, but)
        return "refused"
    _check(config, environ, but)
    if file is None:
        assert config.trading.mode is ExecutionMode.PAPER, "the environment alone chose to trade for real"
        assert config.account_number is None, "the environment chose an account"
    return "read"


def _check(config: Config, environ: Mapping[str, str], but: Collection[str]) -> None:
    refuse_secrets(repr(config), str(config), config.origins, but=but)
    try:
        assert configured_account(config), "an account without a number"
    except ConfigError as error:
        _check_error(error, but)
    for name, limit in config.risk_management:
        assert not hasattr(limit, "is_finite") or limit.is_finite(), f"{name} is {limit}"
    for read in (config.credentials, config.known_credentials, config.secret_urls):
        try:
            refuse_secrets(repr(read(environ)), but=but)
        except ConfigError as error:
            _check_error(error, but)


def _check_error(error: ConfigError, but: Collection[str]) -> None:
    refuse_secrets(str(error), repr(error), but=but)
    refuse_control(str(error))
    assert error.problems, "it is refused without a reason"
    assert max(map(len, error.problems)) <= _LONGEST_PROBLEM, "a problem is as long as its writer liked it"
