"""The limits of a bot's account as they stand now, for whoever wants to see them."""

from trading_bot.config import Config
from trading_bot.logging.structured_logger import StructuredTradeLogger
from trading_bot.order_management.manager import OrderManager
from trading_bot.risk.limit_uses import LimitsNow
from trading_bot.risk.picture import LimitPicture
from trading_bot.risk.standing import StandingFacts, standing_of
from trading_bot.safety_checks import SafetyChecks


class AccountLimits:
    """Judges by what is known here: no broker is asked, and nothing is written."""

    def __init__(
        self, *, config: Config, manager: OrderManager, safety: SafetyChecks, trades: StructuredTradeLogger
    ) -> None:
        self._config = config
        self._manager = manager
        self._safety = safety
        self._trades = trades

    def now(self) -> LimitsNow:
        """Return every limit and how much of it is used."""
        return self._safety.limits_now()

    def picture(self) -> LimitPicture:
        """Return the same with the state of the account, and when each limit last refused an order."""
        manager, limits = self._manager, self.now()
        freezes = manager.ways_out.freezes()
        facts = StandingFacts(
            journal_problem=manager.journal_problem,
            look=manager.ways_out.latch_look(),
            entries_stopped=manager.halted_because,
            freezes=freezes,
            risk_halt=limits.state.halted_because,
            uses=limits.uses,
        )
        codes = {use.code for use in limits.uses}
        return LimitPicture(
            config=self._config,
            limits=limits,
            standing=standing_of(facts),
            freezes=freezes,
            refusals=self._trades.last_refusals(codes, mode=self._config.trading.mode),
        )
