"""One question to the account's operations: answered here, or by the process that holds the account."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from trading_bot.cli.errors import report
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.answers import Answer, recorded_note
from trading_bot.cli.render.output import print_json, print_line

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from trading_bot.operations import Command


class CommandCall:
    """Reads the settings once, commands, and shows the answers: JSON for programs, lines for people.

    Raises `ConfigError` when it is made and a setting is wrong.
    """

    def __init__(self, invocation: Invocation) -> None:
        from trading_bot.cli.log_output import send_logs_to_stderr
        from trading_bot.config import Config

        self.invocation = invocation
        self.config = Config.from_env_and_json(invocation.config)
        send_logs_to_stderr(invocation, self.config)

    @property
    def zone(self) -> "ZoneInfo":
        """The time zone in which people are shown times."""
        return self.config.trading.hours.timezone

    def ask(self, command: "Command", on_progress: Callable[[dict[str, object]], None] | None = None) -> Answer:
        """Return the operations's answer.

        Raises:
            StartError, OrderError, AccountInUseError: as the operations and the question have it.
        """
        from trading_bot.operations import no_progress
        from trading_bot.startup import open_command_client

        with open_command_client(self.config) as operations:
            answer = operations.perform(command, on_progress or no_progress)
        self._say_how_old(answer)
        return answer

    def _say_how_old(self, answer: Answer) -> None:
        note = recorded_note(answer, self.zone)
        if note is not None and not self.invocation.json and not self.invocation.quiet:
            report(note, exit_code=ExitCode.DONE, code="notice", invocation=self.invocation)

    def show(self, answer: Answer, in_words: Callable[[Answer], Iterable[str]]) -> None:
        """Write an answer to stdout."""
        if self.invocation.json:
            print_json(answer)
            return
        for line in in_words(answer):
            print_line(line)
