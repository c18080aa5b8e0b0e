"""One call of ``trading-bot kill``: trading off before anything else, then the account's kill, then the verdict.

Nothing of the terminal, the settings or a signal may stand in its way, and it ends in a verdict whatever goes wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from trading_bot.cli.errors import notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.work.every_account import AccountProcesses
from trading_bot.cli.work.kill.aim import KillAim, aim_within, read_settings
from trading_bot.cli.work.kill.overdue import VerdictWatch
from trading_bot.cli.work.kill.reporter import KillReporter
from trading_bot.cli.work.kill.signals import KillSignals, held_signals
from trading_bot.cli.work.kill.terminal import KillTerminal
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.config.kill_settings import settings_for_kill
from trading_bot.kill.accounts import SwitchedOff
from trading_bot.kill.patience import LongRead
from trading_bot.kill.progress import KillProgress
from trading_bot.kill.report import KillReport
from trading_bot.kill.switch import KillSwitch
from trading_bot.logging.masking import SecretMasker
from trading_bot.startup.kill import KillWishes, open_kill

_BY = "trading-bot kill"
_LOOKS_UP_EVERY_S = 0.2
_LONGEST_REASON = 200
_NO_CANCEL = "no cancel was asked for: kill each account named here with its own file, 'trading-bot -c FILE kill'"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillCall:
    """What was asked for."""

    reason: str
    keeps_protective: bool


def kill(invocation: Invocation, *, reason: str, everything: bool) -> ExitCode:
    """Kill the account that is meant; see `run_kill`."""
    return run_kill(invocation, KillCall(reason=reason[:_LONGEST_REASON], keeps_protective=not everything))


def kill_each(names: Sequence[str], invocation: Invocation, call: KillCall, *, off: SwitchedOff) -> ExitCode:
    """Kill every account, all at once, each in a process of its own; ``off`` is what was switched off before."""
    wishes = ["--reason", call.reason, *([] if call.keeps_protective else ["--all"])]
    done = AccountProcesses(["kill", *wishes], names=names, invocation=invocation).run()
    for said in (*off.problems, *(f"switched off: {path}" for path in off.removed)):
        notice(said, invocation)  # last, because a terminal that takes nothing must not hold up a kill
    return ExitCode.OUTCOME_UNKNOWN if off.problems or any(done.values()) else ExitCode.DONE


class OpenKill(Protocol):
    """Builds the kill of a configured account."""

    def __call__(self, config: Config, *, wishes: KillWishes) -> KillSwitch:
        """Return it; nothing is opened before it runs."""
        ...


def run_kill(invocation: Invocation, call: KillCall, *, open_account: OpenKill = open_kill) -> ExitCode:
    """Kill, and say what came of it."""
    with held_signals() as signals:
        settings = read_settings(invocation.config, read=partial(settings_for_kill, account=invocation.account))
        aim = aim_within(settings)
        if settings.accounts:
            return kill_each(settings.accounts, invocation, call, off=aim.off)
        reporter = KillReporter(invocation, KillTerminal())
        if invocation.verbose and aim.config is not None:  # the report says it all
            send_logs_to_stderr(invocation, aim.config)
        report = _killed(aim, call, signals=signals, reporter=reporter, open_account=open_account)
        reporter.verdict(report)
        heard = signals.count
        reporter.close(lambda: signals.count > heard)  # a reader that has stopped may be interrupted now
    return ExitCode.DONE if report.is_confirmed else ExitCode.OUTCOME_UNKNOWN


def _killed(
    aim: KillAim, call: KillCall, *, signals: KillSignals, reporter: KillReporter, open_account: OpenKill
) -> KillReport:
    give_up = partial(_without_cancels, aim, call)
    if aim.config is None:
        return give_up(_NO_CANCEL)
    watch = VerdictWatch(clock=SystemClock(), signals=signals)

    def progress(progress: KillProgress) -> None:
        watch.progress(progress)
        reporter.progress(progress)

    def first_verdict(report: KillReport) -> None:
        watch.told()
        reporter.first_verdict(report)

    wishes = KillWishes(
        keeps_protective=call.keeps_protective,
        is_interrupted=signals,
        on_progress=progress,
        doubts=(*aim.doubts, *aim.off.problems),
        notes=list(aim.notes),
    )
    config, masked = aim.config, _masker_of(aim.config).mask_text

    def work() -> KillReport:
        switch = open_account(config, wishes=wishes)
        return switch.run_until_confirmed(_BY, masked(call.reason), on_verdict=first_verdict)

    return verdict_of(
        work,
        give_up=lambda problem: give_up(masked(problem)),
        meanwhile=lambda: reporter.interrupted(signals),
        is_overdue=watch.is_overdue,
    )


def verdict_of(
    work: Callable[[], KillReport],
    *,
    give_up: Callable[[str], KillReport],
    meanwhile: Callable[[], None],
    is_overdue: Callable[[], bool],
) -> KillReport:
    """Kill in a thread beside the one that takes the signals; if it fails or hangs, there is a verdict all the same.

    ``give_up`` makes one of the reason; ``meanwhile`` is called now and then.
    """
    running = LongRead(work)
    while True:
        try:
            ended = running.outcome(_LOOKS_UP_EVERY_S)
        except TimeoutError:
            meanwhile()
            if is_overdue():
                return give_up("the kill hangs, most likely at a disk; repair or unmount it, and kill again")
            continue
        meanwhile()
        if isinstance(ended, KillReport):
            return ended
        return give_up(f"the kill itself failed ({type(ended).__name__}: {ended}); report this, and kill again")


def _masker_of(config: Config) -> SecretMasker:
    number = config.account_number
    return SecretMasker(secrets=(number.get_secret_value(),) if number else ())


def _without_cancels(aim: KillAim, call: KillCall, problem: str) -> KillReport:
    folders = ", ".join(map(str, aim.state_dirs)) or "an unknown state folder"
    return KillReport(
        account=f"the armed accounts of {folders}",
        by=_BY,
        reason=call.reason,
        problems=(*aim.off.problems, *aim.doubts, problem),
        latch_engaged=not aim.off.problems,
        orders=(),
        unresolved=(),
        external=(),
        side_file=None,
        side_file_problem="no account's kill was begun",
        has_looked=False,
        notes=aim.notes,
    )
