"""A rebalancer on the bundled day: keep five symbols at their target shares of the account, looking every two hours.

It shows how a strategy reads positions, balances and many quotes in one call. It is no advice: the weights are made up,
and the paper exchange knows neither fees nor market impact.
"""

from collections.abc import Mapping
from decimal import Decimal

from trading_bot import Quote, TradingBot, paper_day

TARGETS = {"AAPL": 20, "MSFT": 20, "NVDA": 15, "SPY": 25, "TSLA": 10}  # per cent of equity; the rest stays cash
BAND = Decimal("0.1")  # a position that is off by less, in per cent of equity, is left as it is


def weights(held: Mapping[str, Decimal], quotes: Mapping[str, Quote], equity: Decimal) -> dict[str, Decimal]:
    """Return what each symbol that has a quote is of the account, in per cent."""
    return {symbol: held.get(symbol, Decimal(0)) * quote.bid_price / equity * 100 for symbol, quote in quotes.items()}


def rebalance(bot: TradingBot) -> None:
    """Send what brings each position to its target: sells first, so that their money can be spent soon."""
    quotes, equity = bot.quotes(list(TARGETS)), bot.account_summary().equity
    if equity is None:
        return  # what is not known is None, never zero
    held = {position.symbol: position.quantity for position in bot.positions()}
    waiting = {order.symbol for order in bot.open_orders()}
    off = {symbol: TARGETS[symbol] - weight for symbol, weight in weights(held, quotes, equity).items()}
    for symbol in sorted(off, key=lambda symbol: off[symbol]):
        action = "buy" if off[symbol] > 0 else "sell"
        price = quotes[symbol].ask_price if action == "buy" else quotes[symbol].bid_price
        shares = int(abs(off[symbol]) / 100 * equity / price)
        if abs(off[symbol]) > BAND and shares and symbol not in waiting:
            print(" ", bot.execute_trade(symbol, action, shares, price, "rebalance", pricing="marketable").message)


def report(bot: TradingBot) -> None:
    """Print the weights and what the account is worth."""
    summary, quotes = bot.account_summary(), bot.quotes(list(TARGETS))
    held = {position.symbol: position.quantity for position in bot.positions()}
    if summary.equity is not None and summary.cash is not None:
        for symbol, weight in weights(held, quotes, summary.equity).items():
            print(f"{symbol:5} {held.get(symbol, 0):4.0f} shares, {weight:5.2f} % of {TARGETS[symbol]} %")
        print(f"cash {summary.cash:,.2f}, equity {summary.equity:,.2f}")


if __name__ == "__main__":
    with paper_day() as day:
        for now in day.every(2 * 3600):
            print(f"{now:%H:%M} UTC")
            rebalance(day.bot)
        report(day.bot)
