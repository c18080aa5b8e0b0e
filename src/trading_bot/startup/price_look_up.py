"""Builds the way of a look at prices: a running bot, else one read without a bot, a lease or a record."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from trading_bot.account.market_data import READ_WITHIN_S
from trading_bot.clock import Clock
from trading_bot.config import Config
from trading_bot.control.look_up import LookUp
from trading_bot.operations.command import Command
from trading_bot.operations.price_commands import PriceCommand, source_of
from trading_bot.order_json import JsonObject
from trading_bot.order_management.portfolio import Bar, Quote
from trading_bot.order_management.ports import Gateway
from trading_bot.startup.access import BrokerAccess, Destination, Reading
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.interfaces import interface_of, price_interface_of
from trading_bot.startup.look_up import answer_timeout_s
from trading_bot.startup.paper import paper_account
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder, account_key


def price_look_up(config: Config, *, surroundings: Surroundings | None = None) -> LookUp:
    """Build what answers a `PriceCommand`.

    Raises:
        ConfigError: live mode without an account number, or no folder to keep state in.
    """
    around = surroundings or default_surroundings()
    state = _state(config, around)
    return LookUp(
        recorded=lambda: _DirectAnswers(config=config, around=around, state=state),
        control_socket=state.control_socket,
        clock=around.clock,
        timeout_s=answer_timeout_s(config),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _DirectAnswers:
    """Reads prices for one command. Over the network it can read prices and nothing else."""

    config: Config
    around: Surroundings
    state: StateFolder

    def answer(self, command: Command, *, problem: str | None) -> JsonObject:
        """Return the answer; why a bot that runs did not answer is of no matter for a price."""
        del problem
        if not isinstance(command, PriceCommand):
            raise TypeError(f"{type(command).__name__} is no question about prices")
        with self._prices() as prices:
            return command.answered(prices, config=self.config, now=self.around.clock.now())

    @contextmanager
    def _prices(self) -> Iterator["_GatewayPrices"]:
        if source_of(self.config) == "live":
            yield self._over(price_interface_of(self.config).way_to_prices(self.config, self.around))
            return
        number = configured_account(self.config)
        paper = paper_account(
            self.config,
            account_number=number,
            state=self.state,
            files=self.around.files,
            clock=self.around.clock,
            quotes=None,
            reference_for=lambda _ref_id: None,  # no order is placed
        )
        to = Destination(config=self.config, around=self.around, number=number, state=self.state, paper=paper)
        paper.open()
        try:
            yield self._over(interface_of(self.config).way(to))
        finally:
            paper.close()

    def _over(self, access: BrokerAccess) -> "_GatewayPrices":
        access.login.log_in()
        return _GatewayPrices(gateway=access.gateway(Reading()), clock=self.around.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class _GatewayPrices:
    gateway: Gateway
    clock: Clock

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        return self.gateway.by(self.clock.monotonic() + READ_WITHIN_S).fetch_quotes(symbols)

    def history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        return self.gateway.by(self.clock.monotonic() + READ_WITHIN_S).fetch_history(symbol, interval, span)


def _state(config: Config, around: Surroundings) -> StateFolder:
    mode = config.trading.mode
    folder = f"{mode}-{account_key(mode, configured_account(config))}"
    return StateFolder(root=config.resolve_state_dir() / folder, files=around.files)
