"""The services of an order manager, joined: each built once, on those before it, and knowing none after it.

Nothing here calls upwards. Where two services need the same rule, it stands below both: what is under way in
`InFlight`, what was read of the broker in `SyncService`, how a report is booked in `Synchronizer`.
"""

from trading_bot.order_management.cancel.cancel_all import CancelEverything
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.context import InFlight, OrderContext
from trading_bot.order_management.decisions.operator_decisions import OperatorDecisions
from trading_bot.order_management.rounds import SyncService
from trading_bot.order_management.submit.exit import Exits
from trading_bot.order_management.submit.exit_service import ExitService
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.submit.placement import SubmitService
from trading_bot.order_management.submit.replace import Replacement
from trading_bot.order_management.submit.unfilled import UnfilledEntries
from trading_bot.order_management.sync.account_view import AccountView
from trading_bot.order_management.sync.synchronizer import Synchronizer


class Services:
    """Cancel, synchronise, submit and exit, over one context; and what people decide and look at."""

    def __init__(self, context: OrderContext) -> None:
        in_flight = InFlight()
        synchronizer = Synchronizer(context, in_flight)
        self.cancel = CancelService(context, synchronizer)
        self.sync = SyncService(context, synchronizer=synchronizer, cancel=self.cancel, in_flight=in_flight)
        self.cancel_all = CancelEverything(context, cancel=self.cancel, sync=self.sync)
        self.halts = TradingHalts(context, sync=self.sync, cancel_all=self.cancel_all)
        self.submit = SubmitService(context, sync=self.sync, cancel=self.cancel, halts=self.halts, in_flight=in_flight)
        self.replacing = Replacement(context, submit=self.submit, cancel=self.cancel)
        self.unfilled = UnfilledEntries(context, cancel=self.cancel, replacing=self.replacing)
        runs = Exits(context, submit=self.submit, replacing=self.replacing, cancel=self.cancel, sync=self.sync)
        self.exits = ExitService(context, exits=runs, cancel=self.cancel, halts=self.halts, holdings=self.sync.holdings)
        self.view = AccountView(
            external=self.sync.external,
            holdings=self.sync.holdings,
            freshness=self.sync.freshness,
            store=context.store,
        )
        self.decisions = OperatorDecisions(
            context, synchronizer=synchronizer, holdings=self.sync.holdings, in_flight=in_flight
        )
