"""A gateway over the real session, with a scripted broker at its far end."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.support.scripted_broker import (
    ACCOUNT,
    INSTRUMENT,
    ORDER,
    REF,
    ScriptedBroker,
    account_row,
    clock,
    instrument_row,
    page,
    reply,
)
from trading_bot.clock import Seconds, VirtualClock
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ClientOrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import (
    DurableIntent,
)
from trading_bot.robinhood.session import BrokerSession

OTHER = "8b3a8e3d-2a1f-4b68-8a10-3a3e9b1d2c22"
LIST = ("GET", "/orders/")
STATUS = ("GET", f"/orders/{ORDER}/")
CANCEL = ("POST", f"/orders/{ORDER}/cancel/")


@dataclass
class GatewayBench:
    """A gateway over the real session, with a scripted broker at its far end."""

    broker: ScriptedBroker = field(default_factory=ScriptedBroker)
    time: VirtualClock = field(default_factory=clock)
    account_number: str | None = ACCOUNT
    renewals: int = 0
    renewal_times: list[Seconds] = field(default_factory=list)
    can_renew: bool = True
    on_renewal: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        session = BrokerSession(adapter=self.broker, clock=self.time)
        self.gateway = RobinhoodGateway(
            session=session, clock=self.time, account_number=self.account_number, renew=self.renew
        )
        self.broker.always("GET", "/accounts/", page(account_row()))
        self.broker.always("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row()))
        self.broker.always("GET", "/instruments/", page(instrument_row()))
        self.broker.always("GET", f"/instruments/{INSTRUMENT}/", reply(200, instrument_row()))

    def renew(self, within_s: Seconds) -> bool:
        self.renewals += 1
        self.renewal_times.append(within_s)
        self.on_renewal()
        return self.can_renew

    def intent(self, side: Side = Side.BUY) -> DurableIntent:
        order = self.gateway.prepare_order(terms(side=side), RefId(REF))
        return DurableIntent(
            client_order_id=ClientOrderId("c1"),
            ref_id=order.ref_id,
            terms=order.terms,
            body=order.body,
            body_digest=order.digest,
            journal_seq=1,
        )

    def buy(self, permit=None):
        return self.gateway.submit_limit_buy(self.intent(), permit=permit or nullcontext(), timeout_s=10)


TERMS = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.10"))


def terms(**changes) -> OrderTerms:
    return replace(TERMS, **changes)
