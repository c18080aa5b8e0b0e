"""Builds a kill: a connection of its own, latch and lock, and a reader of the journal that does not open it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config
from trading_bot.error_handling.policies import READ_POLICY
from trading_bot.kill.broker import KillBroker
from trading_bot.kill.journal_process import JournalProcess
from trading_bot.kill.patience import PatientJournal
from trading_bot.kill.progress import ProgressListener, ignore_progress
from trading_bot.kill.records import KillFile
from trading_bot.kill.register import read_known_orders
from trading_bot.kill.switch import KillSwitch
from trading_bot.latch import Latch, SendLock
from trading_bot.order_management.exceptions import OrderNotSentError
from trading_bot.order_management.journal.side_files import SIDE_FOLDER
from trading_bot.order_management.send_horizon import SendHorizon
from trading_bot.paper.quotes import QuoteFileError, QuoteSource
from trading_bot.robinhood.session import Transport
from trading_bot.startup.access import Destination, Reading
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.interfaces import interface_of
from trading_bot.startup.kill_connection import KillConnection, NoConnection
from trading_bot.startup.live import carrier_of
from trading_bot.startup.paper import PaperAccount, paper_account
from trading_bot.startup.shared_account import latch_to_kill, url_of
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_path

_REQUEST_TIMEOUT_S: Seconds = 5.0
"""Shorter than elsewhere: one hung request must not eat the time of the other orders."""

_READ_ONCE = Reading(policy=replace(READ_POLICY, max_attempts=1), timeout_s=_REQUEST_TIMEOUT_S)
"""The kill itself lists again and again, and does more useful things in between than waiting."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class KillWishes:
    """What whoever kills wants of it, beside the account; each is described at `KillSwitch`."""

    keeps_protective: bool = True
    is_interrupted: Callable[[], bool] = _never
    on_progress: ProgressListener = ignore_progress
    doubts: tuple[str, ...] = ()
    """What already keeps the verdict from being confirmed."""
    notes: list[str] = field(default_factory=list)
    """What the report has to say besides; the kill adds to it."""


def open_kill(
    config: Config,
    *,
    transport: Transport | None = None,
    quotes: QuoteSource | None = None,
    clock: Clock | None = None,
    surroundings: Surroundings | None = None,
    wishes: KillWishes | None = None,
) -> KillSwitch:
    """Build the kill of the configured account; nothing is opened, locked, removed or sent before `KillSwitch.run`.

    What prevents a connection is left for the report, because trading can be stopped without one.

    Raises:
        ConfigError: it cannot be told which account or which state folder is meant.
    """
    around, wishes = surroundings or default_surroundings(clock), wishes or KillWishes()
    mode, settings = config.trading.mode, config.order_management
    number = configured_account(config)
    key = account_key(mode, number)
    state = StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=around.files)
    journal = journal_path(config.logs_dir, mode, number)
    to = Destination(
        config=config, around=around, number=number, state=state, transport=transport, tolerate=wishes.notes.append
    )
    database = JournalProcess(database=state.database, account_key=key, log=journal, url=url_of(config))
    horizon = SendHorizon(times=settings, carrier=carrier_of(mode, transport))
    local = Latch(path=state.latch, clock=around.clock, new_id=around.new_id, files=around.files)
    latch, doubts = latch_to_kill(config, around, account_key=key, local=local)
    return KillSwitch(
        account=f"the {mode} account ...{account_suffix(number)}",
        latch=latch,
        send_lock=SendLock(path=state.send_lock, clock=around.clock),
        broker=_broker_or_none(lambda: _broker(to, quotes)),
        journal_reader=PatientJournal(
            lambda: read_known_orders(state=state, files=around.files, database=database), name=str(journal)
        ),
        side_file=KillFile(
            folder=state.root / SIDE_FOLDER, files=around.files, clock=around.clock, process_id=around.process_id
        ),
        clock=around.clock,
        send_horizon_s=horizon.after_last_write_s,
        arrives_within=horizon.after_intent,
        deadline_s=horizon.after_last_write_s + settings.cancel_deadline_s,
        keeps_protective=wishes.keeps_protective,
        doubts=(*wishes.doubts, *doubts),
        notes=lambda: tuple(dict.fromkeys(wishes.notes)),
        is_interrupted=wishes.is_interrupted,
        on_progress=wishes.on_progress,
    )


def _broker_or_none(build: Callable[[], KillBroker]) -> KillBroker:
    try:
        return build()
    except (QuoteFileError, OSError) as error:
        return NoConnection(f"the paper exchange cannot be used: {error}; repair it and kill again")
    except OrderNotSentError as error:
        return NoConnection(str(error))


def _broker(to: Destination, quotes: QuoteSource | None) -> KillBroker:
    if not to.is_live and to.transport is None:
        to = replace(to, paper=_paper_account(to, quotes))
    access = interface_of(to.config).way_of_kill(to)
    # A cancel needs no symbol, and each look-up may hang.
    return KillConnection(
        gateway=access.gateway(replace(_READ_ONCE, asks_symbols=False)), naming=access.gateway(_READ_ONCE)
    )


def _paper_account(to: Destination, quotes: QuoteSource | None) -> PaperAccount:
    return paper_account(
        to.config,
        account_number=to.number,
        state=to.state,
        files=to.around.files,
        clock=to.around.clock,
        quotes=quotes,
        reference_for=lambda _ref_id: None,  # a kill places no order
    )
