"""One call of ``trading-bot watch`` at a terminal: the first look, the screen, and what is left to do after it."""

from collections.abc import Callable
from functools import partial

from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.kill.aim import aim_within, read_settings
from trading_bot.cli.work.kill.call import kill as kill_account
from trading_bot.cli.work.stop_request import stop_on_signals
from trading_bot.cli.work.watching.bot_link import BotLink, CancelEnded, News
from trading_bot.cli.work.watching.screen import Ending, WatchApp
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.config.kill_settings import settings_for_kill
from trading_bot.startup.look_up import answer_timeout_s

_REASON = "asked for in the live view"


def run_screen(app: WatchApp) -> Ending | None:
    """Show the screen until it is left; the mouse goes on to select text."""
    return app.run(mouse=False)


def switch_off(invocation: Invocation) -> None:
    """Take the account's armed file away, which is what a kill does first."""
    aim_within(read_settings(invocation.config, read=partial(settings_for_kill, account=invocation.account)))


def run_kill(invocation: Invocation) -> ExitCode:
    """Kill as ``trading-bot kill`` does; its code is loaded before it is needed."""
    return kill_account(invocation, reason=_REASON, everything=False)


def watch_screen(
    invocation: Invocation,
    config: Config,
    *,
    run: Callable[[WatchApp], Ending | None] = run_screen,
    kill: Callable[[Invocation], ExitCode] = run_kill,
) -> ExitCode:
    """Show the screen until it is left, the bot having answered once; then kill if that was confirmed.

    Raises:
        HolderAbsentError, HolderSilentError, OrderError: the bot does not answer, or not this.
        CommandError: the screen ended by an error of its own.
    """
    place, clock = place_of(config), SystemClock()
    link = BotLink(place.state.control_socket, clock=clock, cancel_timeout_s=answer_timeout_s(config))
    first = link.look()
    with stop_on_signals() as stop:
        ending = run(
            WatchApp(
                first,
                account=place.suffix,
                link=link,
                zone=config.trading.hours.timezone,
                clock=clock,
                switch_off=lambda: switch_off(invocation),
                should_stop=stop,
                no_color=invocation.no_color,
            )
        )
    link.end()
    link.tell_to(partial(_say, invocation))
    if ending is Ending.KILL:
        return kill(invocation)
    _wait_for_cancels(link, invocation)
    if ending is None:
        message = "the live view failed; the bot goes on: 'trading-bot watch --no-input' tells its events"
        raise CommandError(message, exit_code=ExitCode.UNEXPECTED, code="view_failed")
    return stop.exit_code or (ExitCode.INTERRUPTED if ending is Ending.INTERRUPTED else ExitCode.DONE)


def _wait_for_cancels(link: BotLink, invocation: Invocation) -> None:
    if waiting := link.cancels_under_way():
        notice(f"waiting for the answer to {len(waiting)} cancel{'' if len(waiting) == 1 else 's'}", invocation)
    for thread in waiting:
        thread.join()


def _say(invocation: Invocation, news: News) -> None:
    if isinstance(news, CancelEnded):
        notice(news.said, invocation)
