"""One call of ``trading-bot watch`` at a terminal: the first look, the screen, and what is left to do after it."""

from functools import partial

from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.lazy import load
from trading_bot.cli.work.kill.aim import aim_within, read_settings
from trading_bot.cli.work.stop_request import StopRequest, stop_on_signals
from trading_bot.cli.work.watching.bot_link import BotLink, CancelEnded, News
from trading_bot.cli.work.watching.screen import Ending, WatchApp
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.startup.look_up import answer_timeout_s

_KILL = "trading_bot.cli.work.kill.call:kill"
_REASON = "asked for in the live view"


def watch_screen(invocation: Invocation, config: Config) -> ExitCode:
    """Show the screen until it is left, the bot having answered once.

    Raises:
        HolderAbsentError, HolderSilentError, OrderError: the bot does not answer, or not this.
    """
    place, clock = place_of(config), SystemClock()
    link = BotLink(place.state.control_socket, clock=clock, cancel_timeout_s=answer_timeout_s(config))
    first = link.look()
    with stop_on_signals() as stop:
        app = WatchApp(
            first,
            account=place.suffix,
            link=link,
            zone=config.trading.hours.timezone,
            clock=clock,
            switch_off=lambda: aim_within(read_settings(invocation.config)),
            should_stop=stop,
            no_color=invocation.no_color,
        )
        ending = app.run(mouse=False)
        return after(ending, link, invocation=invocation, stop=stop)


def after(ending: Ending | None, link: BotLink, *, invocation: Invocation, stop: StopRequest) -> ExitCode:
    """Kill if that was confirmed; else wait for the cancels that were not answered yet.

    Raises:
        CommandError: the screen ended by an error of its own.
    """
    link.end()
    link.tell_to(partial(_say, invocation))
    if ending is Ending.KILL:
        killed: ExitCode = load(_KILL)(invocation, reason=_REASON, everything=False)
        return killed
    if waiting := link.cancels_under_way():
        notice(f"waiting for the answer to {len(waiting)} cancel{'' if len(waiting) == 1 else 's'}", invocation)
    for thread in waiting:
        thread.join()
    if ending is None:
        message = "the live view failed; the bot goes on: 'trading-bot watch --no-input' tells its events"
        raise CommandError(message, exit_code=ExitCode.UNEXPECTED, code="view_failed")
    return stop.exit_code or (ExitCode.INTERRUPTED if ending is Ending.INTERRUPTED else ExitCode.DONE)


def _say(invocation: Invocation, news: News) -> None:
    if isinstance(news, CancelEnded):
        notice(news.said, invocation)
