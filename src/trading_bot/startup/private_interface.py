"""The private wire of the broker's own app, as an `Interface`."""

from trading_bot.auth.borrowed_login import LoggedInSession
from trading_bot.config import Config
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.paper.quote_feed import QuoteFeed
from trading_bot.robinhood.session import Transport
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.startup.access import BrokerAccess, Destination, Reading, WireAccess
from trading_bot.startup.broker_access import (
    borrowed_access,
    live_access,
    live_access_of_kill,
    paper_access,
    paper_access_of_kill,
)
from trading_bot.startup.paper import MakeFeed
from trading_bot.startup.price_access import price_access
from trading_bot.startup.surroundings import Surroundings


class PrivateInterface:
    """Builds ways to an account over the private wire; see `Interface`."""

    def way(self, to: Destination) -> BrokerAccess:
        """Return the way of a bot: over a borrowed session, the saved login, or to the paper exchange."""
        return _with_gateways(self._access(to), to)

    def way_of_kill(self, to: Destination) -> BrokerAccess:
        """Return the way of a kill: whoever is logged in to the account, whatever the environment says."""
        return _with_gateways(live_access_of_kill(to) if to.is_live else paper_access_of_kill(to), to)

    def way_to_prices(
        self, config: Config, around: Surroundings, *, transport: Transport | None = None
    ) -> BrokerAccess:
        """Return a way to prices; what it is read over can do nothing else."""
        access = price_access(config, around, transport=transport)

        def gateway(reading: Reading) -> RobinhoodGateway:
            return RobinhoodGateway(
                session=access.wire,
                clock=around.clock,
                account_number=None,
                renew=access.renew,
                read_timeout_s=reading.timeout_s,
                jitter=around.jitter,
            )

        return BrokerAccess(login=access.login, renew=access.renew, gateway=gateway)

    def feed(self, config: Config, around: Surroundings, *, session: LoggedInSession | None = None) -> MakeFeed:
        """Return what makes a feed on the saved login, or on a session that the caller lends."""
        access = price_access(config, around, session=session)
        return lambda market: QuoteFeed(
            wire=access.wire, log_in=access.login.log_in, renew=access.renew, market=market, clock=around.clock
        )

    def _access(self, to: Destination) -> WireAccess:
        if not to.is_live:
            return paper_access(to.around, account_number=to.number, transport=to.transport, paper=to.paper)
        if to.session is not None:
            return borrowed_access(to.around, account_number=to.number, source=to.session, state=to.state)
        return live_access(
            to.around,
            account_number=to.number,
            state=to.state,
            username=to.config.known_credentials().username,
            transport=to.transport,
        )


def _with_gateways(access: WireAccess, to: Destination) -> BrokerAccess:
    symbols = SymbolTable(path=to.state.instruments, files=to.around.files) if to.is_live else None

    def gateway(reading: Reading) -> RobinhoodGateway:
        return RobinhoodGateway(
            session=access.wire,
            clock=to.around.clock,
            account_number=to.number,
            renew=access.renew,
            read_policy=reading.policy,
            read_timeout_s=reading.timeout_s,
            jitter=to.around.jitter,
            order_form_version=to.config.order_management.order_form_version,
            asks_symbols=reading.asks_symbols,
            symbols=symbols,
            threads=to.around.threads,
        )

    return BrokerAccess(login=access.login, renew=access.renew, gateway=gateway)
