"""The start's look at the broker: balances, open orders and positions are read together, and judged one after another.

Together, because none needs what another one says. In turn, because of what each proves:

1. Before the reads: the account's lease, so that nobody else writes, and the journal, so that it is known what is open.
2. The balances show, where they can be read, that the login is of the account that is meant. Nothing that the broker
   says of orders is booked before.
3. The orders are booked before the positions are compared, because their fills explain the positions. Where they moved
   any, the positions are read again: nobody knows whether the first read shows it.
4. No entry is taken before all of that.
"""

from collections.abc import Callable

from trading_bot.account.account_data import AccountData
from trading_bot.account_in_use import AccountInUseError
from trading_bot.latch import LatchError
from trading_bot.lease import LeaseLostError
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import OrderError, TradingHaltedError
from trading_bot.order_management.rounds import noop
from trading_bot.paper.state import ExchangeStateError
from trading_bot.reads_together import Begin
from trading_bot.robinhood.directory import AccountUnreadableError
from trading_bot.robinhood.reads import BrokerUnavailableError

START_FAILURES = (OrderError, LatchError, AccountInUseError, LeaseLostError, ExchangeStateError, OSError)
"""What a step of a start may raise."""

_log = get_logger(__name__)


class FirstLook:
    """Takes the look in two steps, so that an error names what it is about: the account, or the comparison with it."""

    def __init__(self, *, account: AccountData, begin: Begin) -> None:
        self._account = account
        self._begin = begin
        self._read: Callable[[], object] = noop
        self._refused: OrderError | None = None
        self._not_reconciled: Exception | None = None
        self._unavailable: BrokerUnavailableError | None = None

    def take(self, recover: Callable[[], object]) -> None:
        """Read the balances beside what ``recover`` reads, which runs `confirm` before it books anything.

        Where the balances cannot be read in passing, orders and positions decide whether the broker is down. Selling
        and cancelling need no balance. Each buy reads the account itself, and is refused.

        Raises:
            OrderError: the account is not the one that is meant, or cannot be read for good.
        """
        self._refused = self._not_reconciled = self._unavailable = None
        self._account.invalidate_cache()  # somebody else may have traded since this bot last ran
        self._read = self._begin(self._account.account)
        try:
            recover()
        except START_FAILURES as error:
            if error is self._refused:
                raise
            self._not_reconciled = error

    def confirm(self) -> None:
        """Wait for the balances until they have been judged once; raises as `take`, and again where they refused."""
        try:
            self._read()
        except AccountUnreadableError as error:
            _log.warning("account_unreadable", reason=str(error))
        except BrokerUnavailableError as error:
            self._unavailable = error
            _log.warning("account_unavailable", reason=str(error))
        except OrderError as error:
            self._refused = error
            raise
        self._read = noop

    def conclude(self) -> None:
        """Tell what came of the comparison. Where it was not complete, cancels work at once, and orders wait for one.

        Raises:
            BrokerUnavailableError: neither the balances nor the orders could be read.
            OrderError, LatchError, LeaseLostError, OSError: what the comparison raised.
        """
        error = self._not_reconciled
        if error is None:
            return
        if not isinstance(error, TradingHaltedError):
            raise error
        if self._unavailable is not None:
            raise self._unavailable from error
        _log.warning("reconciliation_incomplete", reason=str(error))
