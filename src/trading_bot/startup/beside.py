"""What goes beside a bot that runs in the background: the one list of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from trading_bot.bot import TradingBot
from trading_bot.clock import Seconds
from trading_bot.notify.messenger import Messenger
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.poller import Poller
from trading_bot.order_management.ports import Gateway
from trading_bot.protection.follower import PlanFollower
from trading_bot.safety_checks import SafetyChecks
from trading_bot.startup.access import Login
from trading_bot.startup.companions import Companion, Companions, Late
from trading_bot.startup.login_care import LOOK_EVERY_S, LoginCare
from trading_bot.startup.metrics import Sources, exporter_of
from trading_bot.startup.paper import LIVE_QUOTES_EVERY_S, PaperAccount
from trading_bot.startup.results import daily_tie_out, valuations
from trading_bot.startup.surroundings import Surroundings
from trading_bot.startup.tell_somebody import heartbeat_of, messenger_of
from trading_bot.state_folder import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What companions are made from; settings, clock and events are the bot's own."""

    bot: TradingBot
    around: Surroundings
    state: StateFolder
    store: OrderStore
    safety: SafetyChecks
    gateway: Gateway
    login: Login
    poller: Poller
    paper: PaperAccount | None = None
    messages: Late[Messenger] | None = None


def companions_of(beside: Beside) -> Mapping[str, Companion]:
    """Return every companion that the settings ask for, by what the log calls it."""
    bot, clock = beside.bot, beside.around.clock
    companions: dict[str, Companion] = {
        "heartbeat": Late(lambda: heartbeat_of(bot)),
        "metrics": Late(lambda: exporter_of(_sources(beside))),
        "protection": PlanFollower(bot.protection, read_every_s=bot.config.protection.read_every_s, clock=clock),
        "tie-out": daily_tie_out(bot, beside.store, beside.around),
        "valuations": valuations(bot, beside.store, clock),
    }
    settings = bot.config.order_management
    if settings.has_time_outs:
        companions["unfilled"] = Poller(
            lambda: bot.manager.end_unfilled(gather=beside.safety.gather), interval_s=settings.poll_interval_seconds
        )
    if beside.paper is not None and beside.paper.feed is not None:
        companions["live quotes"] = Poller(beside.paper.follow, interval_s=LIVE_QUOTES_EVERY_S)
    if beside.login.care is not None:
        care = LoginCare(beside.login.care, events=bot.events, clock=clock)
        companions["login"] = Poller(care.look, interval_s=LOOK_EVERY_S)
    return companions


def _sources(beside: Beside) -> Sources:
    return Sources(
        bot=beside.bot,
        store=beside.store,
        login=beside.login,
        poller=beside.poller,
        database=beside.state.database,
        files=beside.around.files,
        messenger=None if beside.messages is None else beside.messages.made,
    )


def beside_a_bot(beside: Callable[[], Beside], *, patience_s: Seconds) -> Companions:
    """Return all companions of a bot; ``beside`` is asked once it starts. Messages tell of the very first events."""
    messages = Late(lambda: messenger_of(beside().bot))
    return Companions(
        lambda: companions_of(replace(beside(), messages=messages)),
        patience_s=patience_s,
        listeners=lambda: {"notify": messages},
    )
