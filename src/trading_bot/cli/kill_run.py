"""One call of ``trading-bot kill``: trading off before anything else, then the account's kill, then the verdict.

Nothing of the terminal, the settings or a signal may stand in its way. The settings are read with a time limit. Where
they do not say which account is meant, every account of the state folder is switched off, and the verdict names what
has to be killed by a person.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from trading_bot.cli.account_place import place_of
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.kill_signals import KillSignals, held_signals
from trading_bot.cli.kill_terminal import KillTerminal
from trading_bot.cli.kill_text import kill_json, kill_lines, progress_text
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.config import Config, ConfigError
from trading_bot.config.kill_settings import KillSettings, settings_for_kill, unread_settings
from trading_bot.kill.accounts import SwitchedOff, account_folders, live_accounts, switch_off
from trading_bot.kill.patience import LongRead
from trading_bot.kill.progress import KillProgress
from trading_bot.kill.report import KillReport
from trading_bot.latch import Latch
from trading_bot.startup.kill import KillWishes, open_kill
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder

_BY = "trading-bot kill"
_SETTINGS_WAIT_S = 2.0
_LOOKS_UP_EVERY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class KillCall:
    """What was asked for."""

    reason: str
    keeps_protective: bool


def run_kill(invocation: Invocation, call: KillCall) -> ExitCode:
    """Kill, and say what came of it."""
    with held_signals() as signals:
        settings = _settings(invocation.config)
        aim = _switched_off(settings)
        teller = KillTeller(invocation, KillTerminal())
        if invocation.verbose and aim.config is not None:  # the report says it all
            send_logs_to_stderr(invocation, aim.config)
        report = _unaimed(aim, call) if aim.config is None else _killed(aim.config, aim, call, signals, teller)
        teller.verdict(report)
    teller.close()  # a reader that has stopped may be interrupted now
    return ExitCode.DONE if report.is_confirmed else ExitCode.OUTCOME_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aim:
    """Which account is killed, if it can be told, once trading is switched off."""

    config: Config | None
    state_dirs: tuple[Path, ...]
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    off: SwitchedOff


def _settings(path: Path | None) -> KillSettings:
    reading = LongRead(lambda: settings_for_kill(path))
    try:
        found = reading.outcome(_SETTINGS_WAIT_S)
    except TimeoutError:
        problem = f"the configuration could not be read within {_SETTINGS_WAIT_S:.0f} s; look at its disk"
        return unread_settings(path, problem=problem)
    return found if isinstance(found, KillSettings) else unread_settings(path, problem=f"{found}; correct it")


def _switched_off(settings: KillSettings) -> _Aim:
    """Switch the account off that is meant, or every one where that is in doubt; then look at what there is."""
    armed = None if settings.problem is not None else _armed_file(settings.config)
    if armed is not None and (is_configured(settings) or not _lives(settings)):
        off = switch_off([armed], _latch)
        others = [path for path in _armed_files(settings) if path != armed and path.exists()]
        notes = tuple(f"another account of this state folder stays armed: {other}" for other in others)
        return _Aim(config=settings.config, state_dirs=settings.state_dirs, notes=notes, off=off)
    off = switch_off(_armed_files(settings), _latch)
    is_known = settings.problem is not None and _armed_file(settings.config) is not None
    return _Aim(
        config=settings.config if is_known else None,
        state_dirs=settings.state_dirs,
        doubts=(_doubt(settings),),
        notes=(*(f"switched off: {path}" for path in off.removed), *_lives(settings)),
        off=off,
    )


def is_configured(settings: KillSettings) -> bool:
    """Whether a configuration file was read, so that the account it means is the one to kill."""
    return settings.config is not None and settings.config.file is not None


def _doubt(settings: KillSettings) -> str:
    if settings.problem is not None:
        return f"the settings cannot be read in full (file {settings.file}): {settings.problem}"
    if is_configured(settings):
        return f"{settings.file} does not say which account is meant; set account_number in it"
    return f"there is no config.json in {Path.cwd()}, and a live account may be meant; name its file with -c"


def _armed_file(config: Config | None) -> Path | None:
    try:
        return None if config is None else place_of(config).state.latch
    except ConfigError:
        return None


def _armed_files(settings: KillSettings) -> tuple[Path, ...]:
    return tuple(_state(folder).latch for folder in account_folders(settings.state_dirs))


def _lives(settings: KillSettings) -> tuple[str, ...]:
    logs_dir = Path("logs") if settings.config is None else settings.config.logs_dir
    return live_accounts(account_folders(settings.state_dirs), logs_dir=logs_dir, state_of=_state)


def _state(folder: Path) -> StateFolder:
    return StateFolder(root=folder, files=default_surroundings().files)


def _latch(armed: Path) -> Latch:
    around = default_surroundings()
    return Latch(path=armed, clock=around.clock, new_id=around.new_id, files=around.files)


def _killed(config: Config, aim: _Aim, call: KillCall, signals: KillSignals, teller: "KillTeller") -> KillReport:
    """Run the kill beside the thread that hears the signals; whatever it dies of, there is a verdict."""
    wishes = KillWishes(
        keeps_protective=call.keeps_protective,
        is_interrupted=signals,
        on_progress=teller.progress,
        doubts=(*aim.doubts, *aim.off.problems),
        notes=list(aim.notes),
    )
    work = LongRead(
        lambda: open_kill(config, wishes=wishes).run_until_confirmed(_BY, call.reason, on_verdict=teller.first_verdict)
    )
    while True:
        try:
            ended = work.outcome(_LOOKS_UP_EVERY_S)
        except TimeoutError:
            teller.interrupted(signals)
            continue
        break
    if isinstance(ended, KillReport):
        return ended
    problem = f"the kill itself failed ({type(ended).__name__}: {ended}); report this, and kill again"
    return _without_cancels(aim, call, problems=(problem, *aim.doubts))


def _unaimed(aim: _Aim, call: KillCall) -> KillReport:
    problem = "no cancel was asked for: kill each account named here with its own file, 'trading-bot -c FILE kill'"
    return _without_cancels(aim, call, problems=(*aim.doubts, problem))


def _without_cancels(aim: _Aim, call: KillCall, *, problems: tuple[str, ...]) -> KillReport:
    folders = ", ".join(map(str, aim.state_dirs)) or "an unknown state folder"
    return KillReport(
        account=f"the armed accounts of {folders}",
        by=_BY,
        reason=call.reason,
        problems=(*aim.off.problems, *problems),
        latch_engaged=not aim.off.problems,
        orders=(),
        unresolved=(),
        external=(),
        side_file=None,
        side_file_problem="no account's kill was begun",
        has_looked=False,
        notes=aim.notes,
    )


class KillTeller:
    """Puts a kill's progress and its verdicts into words on the terminal."""

    def __init__(self, invocation: Invocation, terminal: KillTerminal) -> None:
        self._terminal = terminal
        self._as_json = invocation.json
        self._is_silent = invocation.json or invocation.quiet
        self._has_told_signal = False

    def progress(self, progress: KillProgress) -> None:
        """Say where the kill is, on stderr."""
        self._say(progress_text(progress))

    def interrupted(self, signals: KillSignals) -> None:
        """Say once that a signal was heard, and what it waits for."""
        if signals.received is not None and not self._has_told_signal:
            self._has_told_signal = True
            self._say(f"{signals.received.name}: trading is off; this ends with the cancels on record and a verdict")

    def first_verdict(self, report: KillReport) -> None:
        """Tell the verdict that was due, and that the kill goes on."""
        self.verdict(report)
        self._say("not confirmed yet: this goes on until it is, or until you interrupt it")

    def verdict(self, report: KillReport) -> None:
        """Tell a verdict, on stdout."""
        if self._as_json:
            self._terminal.answer_json(json.dumps(kill_json(report), ensure_ascii=True))
            return
        for line in kill_lines(report):
            self._terminal.answer(line)

    def close(self) -> None:
        """Wait until everything is written, or has failed."""
        self._terminal.close()

    def _say(self, text: str) -> None:
        if not self._is_silent:
            self._terminal.say(f"trading-bot: {text}")
