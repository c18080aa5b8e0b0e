"""One command's session with the account: its settings, its way to the account, and how its answers are shown."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from zoneinfo import ZoneInfo

from trading_bot import startup
from trading_bot.cli.errors import notice, report
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.lazy import load
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.render.answers import Answer, recorded_note
from trading_bot.cli.render.live_banner import live_banner
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.files import LocalFiles
from trading_bot.operations.command import Command, Progress, no_progress
from trading_bot.operations.making import new_command
from trading_bot.operations.without_bot import RecordedAnswers

_LIMITS = "trading_bot.startup.limits:account_limits"


class AccountSession:
    """Reads the settings once, carries commands to the account, and shows the answers: JSON for programs, else lines.

    Raises `ConfigError` when it is made and a setting is wrong.
    """

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.config = Config.from_env_and_json(invocation.config, account=invocation.account)
        send_logs_to_stderr(invocation, self.config)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which people are shown times."""
        return self.config.trading.hours.timezone

    def perform(
        self,
        kind: type[Command],
        terms: Mapping[str, object] | None = None,
        *,
        on_progress: Progress = no_progress,
        says_how_old: bool = True,
    ) -> Answer:
        """Carry out a command of this kind with these terms, here or in the process that holds the account.

        An answer from the journal alone is announced with its age, unless ``says_how_old`` is False: the journal is
        right about what this process has just recorded.

        Raises:
            OrderValidationError: a term cannot be used.
            StartError, OrderError, AccountInUseError: the account cannot be reached, or the command could not be done.
        """
        command = new_command(kind, **(terms or {}))
        if RecordedAnswers.can_answer(command) and startup.look_up_is_enough(self.config):
            answer = startup.account_look_up(self.config).perform(command)
        else:
            with startup.open_command_client(self.config) as client:
                answer = client.perform(command, on_progress)
        if says_how_old:
            self._say_how_old(answer)
        return answer

    def _say_how_old(self, answer: Answer) -> None:
        note = recorded_note(answer, self.zone)
        if note is not None and not self.invocation.json and not self.invocation.quiet:
            notice(note, self.invocation)

    def show(self, answer: Answer, in_words: Callable[[Answer], Iterable[str]]) -> None:
        """Write an answer to stdout."""
        if self.invocation.json:
            print_json(answer)
            return
        for line in in_words(answer):
            print_line(line)


def progress_lines(invocation: Invocation, in_words: Callable[[Answer], str]) -> Progress:
    """Return what writes each part of a long command as soon as it is done: as an object, or as a line."""

    def write(part: dict[str, object]) -> None:
        # A reader who has gone away must not keep the remaining parts from being done.
        with suppress(OSError):
            if invocation.json:
                print_json(part)
            else:
                print_line(in_words(part))

    return write


def show_live_banner(invocation: Invocation, config: Config) -> None:
    """Write the banner to stderr in live mode, unless ``--quiet``; nothing on paper, or where no account is named."""
    if config.trading.mode == "live" and config.account_suffix and not invocation.quiet:
        in_force = load(_LIMITS)(config, clock=SystemClock(), files=LocalFiles())
        report(live_banner(config, in_force.limits), exit_code=ExitCode.DONE, code="live_banner", invocation=invocation)
