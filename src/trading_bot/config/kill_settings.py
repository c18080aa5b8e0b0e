"""The settings of a kill: whatever can be read of them, because a misspelt name must not keep trading on.

A setting that is unknown or out of range is left out, and what is wrong is told. What says which account is meant is
never guessed: where that part is in doubt, no account is named, and the kill turns to every account of the folder.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from trading_bot.config import Config, ConfigError
from trading_bot.config.accounts import ChosenAccount, account_as_far_as_known, names_of
from trading_bot.config.agent_settings import GatewayKind
from trading_bot.config.environment import read_env_file, settings_in, variable_name
from trading_bot.config.file import read_settings, read_text
from trading_bot.config.problems import KeyPath, fields_of, suggestion

_FOLDERS = ("state_dir", "logs_dir")
_GATEWAY, _GATEWAYS = "gateway", tuple(map(str, GatewayKind))
_NEEDED_BY_NO_KILL = "agent"
"""A section: how entries are reviewed and approved. Taken out, it cannot contradict the rest."""

_NAMES_ACCOUNT = ("account_number", "trading", "mode")
_FILE_ONLY = (("trading", "mode"), ("account_number",), ("accounts",), ("order_management", "strategy_overrides"))
_STATE_DIR_TEXT = re.compile(r"""["']?state_dir\w*["']?\s*:\s*(?:"([^"\n]+)"|'([^'\n]+)')""")
_ACCOUNT_FOLDERS = "*/*/armed"
"""Where a state folder beside a configuration file keeps its armed files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSettings:
    """As much as could be told of which account is meant, and where it is kept."""

    config: Config | None
    """None where it is in doubt which account is meant."""
    file: Path | None
    """The configuration file that was looked at."""
    problem: str | None
    """What is wrong with the settings."""
    state_dirs: tuple[Path, ...]
    """Every state folder that may be meant, the likeliest first."""
    accounts: tuple[str, ...] = ()
    """The accounts of the file, where it has several and none was named: each of them is meant."""


def here() -> Path:
    """Return the working folder; one that was deleted has no name, and stops no kill."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def settings_for_kill(
    path: Path | None, *, account: str | None = None, environ: Mapping[str, str] | None = None
) -> KillSettings:
    """Read the configuration as `Config.from_env_and_json` does, and as much of it as possible where that fails."""
    cwd, variables = here(), os.environ if environ is None else environ
    file = cwd / (path or "config.json")
    try:
        config = Config.from_env_and_json(path, account=account, environ=variables, cwd=cwd)
        folder = config.resolve_state_dir(variables)
    except ConfigError as error:
        names = _names_in(file) if account is None else ()
        several = names if len(names) > 1 else ()
        return _in_doubt(file, variables, account=account, problem=str(error), accounts=several)
    return KillSettings(config=config, file=config.file, problem=None, state_dirs=(folder,))


def unread_settings(path: Path | None, *, problem: str, environ: Mapping[str, str] | None = None) -> KillSettings:
    """Return what is known without reading any file."""
    variables = os.environ if environ is None else environ
    folders = tuple(_unique(_named_by_environment(variables)))
    return KillSettings(config=None, file=path, problem=problem, state_dirs=folders)


def _in_doubt(
    file: Path, variables: Mapping[str, str], *, account: str | None, problem: str, accounts: tuple[str, ...] = ()
) -> KillSettings:
    chosen = None if accounts else _chosen_in(file, account)
    config = None if chosen is None else _without_faults(_overlaid(chosen, file, variables))
    config = None if config is None else config.resolved_from(file.parent.resolve())
    folders = (*_folder_of(config, variables), *_guessed_in(file), *_named_by_environment(variables), *_beside(file))
    return KillSettings(
        config=config, file=file, problem=problem, state_dirs=tuple(_unique(folders)), accounts=accounts
    )


def _names_in(file: Path) -> tuple[str, ...]:
    try:
        return names_of(read_settings(file))
    except ConfigError:
        return ()


def _chosen_in(file: Path, account: str | None) -> ChosenAccount | None:
    try:
        return account_as_far_as_known(read_settings(file), account)
    except ConfigError:
        return None


def _overlaid(chosen: ChosenAccount, file: Path, variables: Mapping[str, str]) -> dict[str, object]:
    """Correct misspelt names, and put over the file what the environment says in names that are known."""
    values = chosen.values
    for name in tuple(values):
        meant = suggestion(name, (*_FOLDERS, _GATEWAY)) if name not in Config.model_fields else None
        if meant is not None and meant not in values:
            values[meant] = values.pop(name)
    for source in (_env_file_of(file), variables):
        for key, text in settings_in(_known(source), model=Config, source="").items():
            section: dict[str, object] | object = values
            for part in key[:-1]:
                section = section.setdefault(part, {}) if isinstance(section, dict) else None
            if isinstance(section, dict):
                section[key[-1]] = text
    if (spelt := values.get(_GATEWAY)) is not None:
        values[_GATEWAY] = suggestion(str(spelt).strip().lower(), _GATEWAYS) or spelt
    values.pop(_NEEDED_BY_NO_KILL, None)
    return chosen.with_logs_apart()


def _env_file_of(file: Path) -> Mapping[str, str]:
    try:
        return read_env_file(file.parent / ".env")
    except ConfigError:
        return {}


def _known(variables: Mapping[str, str]) -> dict[str, str]:
    names = {variable_name(path) for path, _ in fields_of(Config) if path not in _FILE_ONLY}
    return {name: text for name, text in variables.items() if name in names}


def _without_faults(values: dict[str, object]) -> Config | None:
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        faults = [tuple(map(str, fault["loc"])) for fault in error.errors()]
        is_beyond_doubt = not any(map(_may_name_account, faults))
        # Anew, because what is left may be at fault in another way; each time with fewer settings.
        dropped = [_has_dropped(values, fault) for fault in faults]
        return _without_faults(values) if is_beyond_doubt and any(dropped) else None
    return config if _names_its_account(values) else None


def _may_name_account(fault: KeyPath) -> bool:
    if fault in ((), ("trading",)) or fault[-1] in _NAMES_ACCOUNT:
        return True
    return fault[-1] not in Config.model_fields and suggestion(fault[-1], _NAMES_ACCOUNT) is not None


def _names_its_account(values: Mapping[str, object]) -> bool:
    trading = values.get("trading")
    return isinstance(trading, dict) and "mode" in trading


def _has_dropped(values: dict[str, object], fault: KeyPath) -> bool:
    """Take the setting at fault out, or the section above it that is none."""
    for length in range(len(fault), 0, -1):
        section: object = values
        for part in fault[: length - 1]:
            section = section.get(part) if isinstance(section, dict) else None
        if isinstance(section, dict) and fault[length - 1] in section:
            del section[fault[length - 1]]
            return True
    return False


def _folder_of(config: Config | None, variables: Mapping[str, str]) -> Iterator[Path]:
    if config is not None:
        try:
            yield config.resolve_state_dir(variables)
        except ConfigError:
            return


def _guessed_in(file: Path) -> Iterator[Path]:
    """Find what looks like the name of a state folder in a file that cannot be read as settings."""
    try:
        text = read_text(file)
    except ConfigError:
        return
    for double, single in _STATE_DIR_TEXT.findall(text):
        yield file.parent.resolve() / (double or single)


def _named_by_environment(variables: Mapping[str, str]) -> Iterator[Path]:
    if named := variables.get(variable_name(("state_dir",))):
        yield here() / named
    try:
        yield Config().resolve_state_dir(variables)
    except ConfigError:
        return


def _beside(file: Path) -> Iterator[Path]:
    yield from sorted({armed.parent.parent for armed in file.parent.glob(_ACCOUNT_FOLDERS)})


def _unique(folders: Iterator[Path] | tuple[Path, ...]) -> dict[Path, None]:
    return dict.fromkeys(folders)
