"""One command's way to the account: by a bot of its own, or by the process that holds the account already."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from trading_bot.account_in_use import AccountInUseError, HeldElsewhereError
from trading_bot.bot import StartError, TradingBot
from trading_bot.clock import Clock, Seconds
from trading_bot.control.client import HolderAbsentError, send_to_holder
from trading_bot.control.look_up import LookUp, comes_to_nothing
from trading_bot.lease import ProcessInfo
from trading_bot.operations import Command, Operations, Progress, no_progress
from trading_bot.operations.without_bot import RecordedAnswers
from trading_bot.operations.without_broker import answer_on_record
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import AuthenticationError, OrderNotSentError, OrderStatusError
from trading_bot.order_management.order_store import OrderStore

_PAUSE_S: Seconds = 0.1


class CommandClient:
    """Performs commands with ``bot``, started at the first one; or another process does, if that holds the account.

    A holder that is only just coming up or going away is waited for, ``patience_s`` at most; ``timeout_s`` is the
    longest silence of a holder while it works.
    """

    def __init__(
        self,
        *,
        bot: TradingBot,
        holder: ProcessInfo,
        control_socket: Path,
        clock: Clock,
        patience_s: Seconds,
        timeout_s: Seconds,
        on_record: Callable[[], AbstractContextManager[OrderStore]],
        recorded: Callable[[], RecordedAnswers],
    ) -> None:
        self._look_up = LookUp(recorded=recorded, control_socket=control_socket, clock=clock, timeout_s=timeout_s)
        self._bot = bot
        self._on_record = on_record
        self._operations = Operations(bot, holder=holder)
        self._control_socket = control_socket
        self._clock = clock
        self._patience_s = patience_s
        self._timeout_s = timeout_s

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        """Return the answer, wherever it comes from.

        Raises:
            OrderError: it could not be done; ``ReplyLostError`` among them.
            StartError: nobody holds the account and the bot cannot start.
            HolderSilentError: another process holds the account and does not answer.
        """
        if RecordedAnswers.can_answer(command) and not self._bot.is_running:
            return self._look_up.perform(command)
        try:
            return self._performed(command, on_progress)
        except StartError as error:
            answer = self._from_the_journal(command, error.cause)
            if answer is None:
                raise
            return answer

    def _performed(self, command: Command, on_progress: Progress) -> JsonObject:
        give_up_at = self._clock.monotonic() + self._patience_s
        while (in_use := self._in_use()) is not None:
            try:
                return self._send_to_holder(command, on_progress, in_use.pid)
            except (HolderAbsentError, OrderNotSentError) as error:
                if not comes_to_nothing(error) or self._clock.monotonic() >= give_up_at:
                    raise
            self._clock.sleep(_PAUSE_S)
        return self._operations.perform(command, on_progress)

    def _from_the_journal(self, command: Command, cause: Exception) -> JsonObject | None:
        if not isinstance(cause, OrderStatusError | OrderNotSentError) or cause.code == AuthenticationError.code:
            return None  # not the broker's silence, but something that a person has to repair
        with self._on_record() as store:
            return answer_on_record(command, store)

    def close(self) -> None:
        """Stop the bot if it was needed, and so let go of the account."""
        if self._bot.is_running:
            self._bot.stop()

    def _in_use(self) -> AccountInUseError | None:
        try:
            self._bot.start()
        except StartError as error:
            # A holder on another machine cannot be asked, and its lease says how long to wait.
            if isinstance(error.cause, AccountInUseError) and not isinstance(error.cause, HeldElsewhereError):
                return error.cause
            raise
        return None

    def _send_to_holder(self, command: Command, on_progress: Progress, pid: int | None) -> JsonObject:
        return send_to_holder(
            self._control_socket,
            command,
            clock=self._clock,
            timeout_s=self._timeout_s,
            on_progress=on_progress,
            pid=pid,
        )
