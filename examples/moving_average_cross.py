"""A moving-average cross on the bundled day: hold the share while its fast average is above its slow one.

It shows how a strategy reads bars and quotes, sends orders and hears of fills. It is no advice: a rule that looks good
on one recorded day has proved nothing. On your own account, call `trade` with a bot of `create_bot` every five minutes.
"""

from decimal import Decimal
from statistics import mean

from trading_bot import BotEvent, OrderFilled, TradeResult, TradingBot, paper_day

SYMBOL, SHARES = "NVDA", 100
FAST, SLOW = 3, 12  # bars of five minutes in each average


def is_rising(closes: list[Decimal]) -> bool | None:
    """Return whether the fast average is above the slow one; None while there are too few bars."""
    return None if len(closes) < SLOW else mean(closes[-FAST:]) > mean(closes[-SLOW:])


def trade(bot: TradingBot) -> TradeResult | None:
    """Look at the market once, and trade if the position is not the one that the averages ask for."""
    rising = is_rising([bar.close for bar in bot.history(SYMBOL, interval="5minute", span="day")])
    quote = bot.quotes([SYMBOL]).get(SYMBOL)
    if rising is None or quote is None or bot.open_orders():
        return None  # nothing is known, or the last order still waits
    held = next((int(position.quantity) for position in bot.positions() if position.symbol == SYMBOL), 0)
    if rising and not held:
        return bot.execute_trade(SYMBOL, "buy", SHARES, quote.ask_price, "fast above slow", pricing="marketable")
    if held and not rising:
        return bot.execute_trade(SYMBOL, "sell", held, quote.bid_price, "fast below slow", pricing="marketable")
    return None


def tell(event: BotEvent) -> None:
    """Print what filled; listeners hear of everything else too."""
    if isinstance(event, OrderFilled) and event.price is not None:
        print(f"  {event.side:4} {event.quantity:3.0f} {event.symbol} filled at {event.price:.2f}")


def dollars(amount: Decimal | None) -> str:
    return "not known" if amount is None else f"{amount:,.2f}"


if __name__ == "__main__":
    with paper_day() as day:
        day.bot.subscribe(tell)
        for now in day.every(300):
            result = trade(day.bot)
            if result is not None:
                print(f"{now:%H:%M} UTC {result.message}")
        summary = day.bot.account_summary()
    print(f"realised {dollars(summary.realised)}, unrealised {dollars(summary.unrealised)}", end=", ")
    print(f"equity {dollars(summary.equity)}")
