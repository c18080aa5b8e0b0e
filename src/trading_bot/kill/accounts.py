"""Every account that can be seen in a state folder, for a kill that cannot tell which one is meant.

Trading is switched off first; what the accounts are is looked at afterwards.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trading_bot.kill.broker import KillLatch
from trading_bot.latch import LatchError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.state_folder import StateFolder

_ACCOUNT_FOLDER = re.compile(rf"({'|'.join(ExecutionMode)})-[0-9a-f]+")
_LIVE_JOURNAL = re.compile(r"orders-live-(.{1,4})\.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedOff:
    """What a kill did to the armed files of some accounts."""

    removed: tuple[Path, ...] = ()
    """The armed files that were there."""
    problems: tuple[str, ...] = ()
    """Why some account may trade on."""


def account_folders(state_dirs: Iterable[Path]) -> tuple[Path, ...]:
    """Return the folder of each account, those of live ones first. A state folder that cannot be read has none."""
    found = [folder for root in state_dirs for folder in _folders_in(root)]
    return tuple(sorted(dict.fromkeys(found), key=lambda folder: not _is_live(folder)))


def switch_off(armed_files: Iterable[Path], latch_at: Callable[[Path], KillLatch]) -> SwitchedOff:
    """Engage the latch of each armed file, whatever becomes of the others."""
    removed, problems = [], []
    for armed in armed_files:
        was_armed = is_there(armed)
        try:
            latch_at(armed).engage()
        except LatchError as error:
            problems.append(str(error))
        else:
            removed += [armed] if was_armed else []
    return SwitchedOff(removed=tuple(removed), problems=tuple(problems))


def live_accounts(
    folders: Iterable[Path], *, logs_dir: Path, state_of: Callable[[Path], StateFolder]
) -> tuple[str, ...]:
    """Describe each live account that left a trace: its folder, how its number ends, and where its journal is."""
    seen: dict[str, str] = {}
    for folder in filter(_is_live, folders):
        journal = state_of(folder).noted_journal()
        ending = _ending(journal)
        where = f"state in {folder}" if journal is None else f"state in {folder}, journal {journal}"
        seen[ending or str(folder)] = (
            f"the live account {f'...{ending}' if ending else 'of an unknown number'}: {where}"
        )
    for journal in _live_journals(logs_dir):
        ending = _ending(journal)
        if ending is not None and ending not in seen:
            seen[ending] = f"the live account ...{ending}: journal {journal}"
    return tuple(seen.values())


def _folders_in(root: Path) -> Iterator[Path]:
    try:
        yield from (path for path in sorted(root.iterdir()) if _ACCOUNT_FOLDER.fullmatch(path.name))
    except OSError:
        return


def _is_live(folder: Path) -> bool:
    return folder.name.startswith(f"{ExecutionMode.LIVE}-")


def is_there(path: Path) -> bool:
    """Whether something has this name, as far as the disk says."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _live_journals(logs_dir: Path) -> tuple[Path, ...]:
    try:
        return tuple(path for path in sorted(logs_dir.iterdir()) if _LIVE_JOURNAL.fullmatch(path.name))
    except OSError:
        return ()


def _ending(journal: Path | None) -> str | None:
    found = None if journal is None else _LIVE_JOURNAL.fullmatch(journal.name)
    return found[1] if found else None
