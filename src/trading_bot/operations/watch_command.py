"""The command that does not end by itself: tell every event of the bot as it happens."""

from contextlib import closing
from typing import ClassVar, Literal

from trading_bot.clock import Seconds
from trading_bot.event_json import event_json
from trading_bot.operations.command import Command, CommandContext
from trading_bot.order_json import FORM_VERSION, JsonObject

HEARTBEAT_S: Seconds = 5.0
"""Longest silence of a watched bot: an empty part goes out then, which also shows whether anybody listens still."""


class WatchEvents(Command):
    """Tell every event from now on, until the bot stops or the caller goes away.

    The first part is ``{"watching": ...}``, each other one ``{"event": ...}``, or empty where there is no news.
    """

    may_change_orders = False
    is_endless: ClassVar[bool] = True
    command: Literal["watch_events"] = "watch_events"

    def perform(self, context: CommandContext) -> JsonObject:
        """Tell the events, and say at the end that the bot has stopped."""
        with closing(context.bot.events.open_feed()) as feed:
            part: JsonObject = {"watching": {"pid": context.holder.pid}}
            while context.on_progress(part) is not False and not feed.is_over:
                news = feed.take(HEARTBEAT_S)
                part = {} if news is None else {"event": event_json(news)}
        return {"v": FORM_VERSION, "stopped": True}
