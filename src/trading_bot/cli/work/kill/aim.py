"""Which account a kill means; it is switched off before anything is written or waited for at length.

The settings are read with a time limit. Where they do not say which account is meant, every account of the state folder
is switched off, and the live ones are named.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trading_bot.cli.account_place import place_of
from trading_bot.config import Config, ConfigError
from trading_bot.config.kill_settings import KillSettings, here, settings_for_kill, unread_settings
from trading_bot.kill.accounts import SwitchedOff, account_folders, is_there, live_accounts, switch_off
from trading_bot.kill.patience import LongRead
from trading_bot.latch import Latch
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder

SETTINGS_WAIT_S = 2.0
"""How long the settings are waited for. Chosen."""

AIM_WAIT_S = 5.0
"""How long the state folder is waited for. Chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillAim:
    """Which account is killed, once trading is switched off."""

    config: Config | None
    """None where it cannot be told which account is meant."""
    state_dirs: tuple[Path, ...]
    off: SwitchedOff
    doubts: tuple[str, ...] = ()
    """What keeps the verdict from being confirmed from the start."""
    notes: tuple[str, ...] = ()


def read_settings(
    path: Path | None,
    *,
    read: Callable[[Path | None], KillSettings] = settings_for_kill,
    within_s: float = SETTINGS_WAIT_S,
) -> KillSettings:
    """Read what can be read of the settings within that time. Never raises."""
    reading = LongRead(lambda: read(path))
    try:
        found = reading.outcome(within_s)
    except TimeoutError:
        problem = f"the configuration could not be read within {within_s:.0f} s; look at its disk"
        return unread_settings(path, problem=problem)
    return found if isinstance(found, KillSettings) else unread_settings(path, problem=f"{found}; correct it")


def aim_at(settings: KillSettings) -> KillAim:
    """Switch the account off that is meant, or every one where that is in doubt; then look at what there is."""
    armed = _armed_file(settings.config)
    if settings.problem is None and armed is not None and _is_configured(settings):
        return _aim_at_one(settings, armed)
    off = switch_off(_armed_files(settings), _latch)
    seen = _live_accounts(settings)
    if settings.problem is None and armed is not None and not seen:
        return _aim_at_one(settings, armed)
    return KillAim(
        config=None if settings.problem is None or armed is None else settings.config,
        state_dirs=settings.state_dirs,
        off=off,
        doubts=(_doubt(settings),),
        notes=(*(f"switched off: {path}" for path in off.removed), *seen),
    )


def aim_within(
    settings: KillSettings, *, aim: Callable[[KillSettings], KillAim] = aim_at, within_s: float = AIM_WAIT_S
) -> KillAim:
    """Do as `aim_at` within that time. Never raises: what may not be switched off is among the problems."""
    aiming = LongRead(lambda: aim(settings))
    try:
        found = aiming.outcome(within_s)
    except TimeoutError:
        found = TimeoutError(f"it does not answer within {within_s:.0f} s")
    if isinstance(found, KillAim):
        return found
    folders = ", ".join(map(str, settings.state_dirs)) or "the state folder"
    problem = f"trading may be on: {folders}: {found}; delete its armed files by hand and stop every trading-bot"
    return KillAim(config=None, state_dirs=settings.state_dirs, off=SwitchedOff(problems=(problem,)))


def _aim_at_one(settings: KillSettings, armed: Path) -> KillAim:
    off = switch_off([armed], _latch)
    others = [path for path in _armed_files(settings) if path != armed and is_there(path)]
    notes = tuple(f"another account of this state folder stays armed: {other}" for other in others)
    return KillAim(config=settings.config, state_dirs=settings.state_dirs, off=off, notes=notes)


def _is_configured(settings: KillSettings) -> bool:
    return settings.config is not None and settings.config.file is not None


def _doubt(settings: KillSettings) -> str:
    if settings.problem is not None:
        return f"the settings cannot be read in full (file {settings.file}): {settings.problem}"
    if _is_configured(settings):
        return f"{settings.file} does not say which account is meant; set account_number in it"
    return f"there is no config.json in {here()}, and a live account may be meant; name its file with -c"


def _armed_file(config: Config | None) -> Path | None:
    try:
        return None if config is None else place_of(config).state.latch
    except (ConfigError, OSError):
        return None


def _armed_files(settings: KillSettings) -> tuple[Path, ...]:
    return tuple(_state(folder).latch for folder in account_folders(settings.state_dirs))


def _live_accounts(settings: KillSettings) -> tuple[str, ...]:
    logs_dir = Path("logs") if settings.config is None else settings.config.logs_dir
    return live_accounts(account_folders(settings.state_dirs), logs_dir=logs_dir, state_of=_state)


def _state(folder: Path) -> StateFolder:
    return StateFolder(root=folder, files=default_surroundings().files)


def _latch(armed: Path) -> Latch:
    around = default_surroundings()
    return Latch(path=armed, clock=around.clock, new_id=around.new_id, files=around.files)
