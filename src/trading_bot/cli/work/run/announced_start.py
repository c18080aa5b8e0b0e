"""Says what was started, for a run that is to last and has nothing else to say at first."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from trading_bot.cli.work.stop_request import StopRequest

if TYPE_CHECKING:
    from trading_bot.bot import TradingBot

Start: TypeAlias = Callable[[StopRequest], bool]
"""Starts the bot, and says whether that was done before somebody asked to stop."""


class AnnouncedStart:
    """Does what ``start`` does, and then says in one line what runs."""

    def __init__(self, start: Start, *, bot: "TradingBot", account_suffix: str, say: Callable[[str], None]) -> None:
        self._start = start
        self._bot = bot
        self._suffix = account_suffix
        self._say = say

    def __call__(self, should_stop: StopRequest) -> bool:
        """Start it; whether that was done before somebody asked to stop. Raises what ``start`` raises."""
        has_started = self._start(should_stop)
        if has_started:
            self._say(self._what_runs())
        return has_started

    def _what_runs(self) -> str:
        config, count = self._bot.config, len(self._bot.open_orders())
        every_s = config.order_management.poll_interval_seconds
        orders = "1 open order" if count == 1 else f"{count} open orders"
        return (
            f"started without signals: {config.trading.mode} account ...{self._suffix}, {orders}, read every "
            f"{every_s:g} seconds; other trading-bot commands reach this bot, and Ctrl-C stops it"
        )
