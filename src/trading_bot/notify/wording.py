"""What a message says of an event: one line that a lock screen can show. Pure."""

from decimal import Decimal

from trading_bot.account_summary import AccountSummary
from trading_bot.bot_events import Alert, BotEvent, OrderEnded, OrderFilled, TradingHalted, TradingResumed
from trading_bot.prose import clause, dollars_in_words, shares_in_words

_MOST_NAMES = 5
_CENT = Decimal("0.01")


def words_of(event: BotEvent) -> str:
    """Return one line about an event that has a kind of message."""
    return "".join(each if each.isprintable() else " " for each in _words_of(event))


def _words_of(event: BotEvent) -> str:
    match event:
        case OrderFilled():
            return _filled(event)
        case OrderEnded():
            return _ended(event)
        case Alert():
            order = "" if event.client_order_id is None else f" ({event.client_order_id})"
            where = "" if event.symbol is None else f" {event.symbol}"
            return f"ALERT {event.code.value}{where}: {event.message}{order}"
        case TradingHalted():
            return f"halted, {_where(event)}: {clause(event.reason)}; {event.remedy}"
        case TradingResumed():
            return f"resumed, {_where(event)}: {event.reason}"
        case _:
            return f"submitted: {event.side.value} {event.quantity} {event.symbol} ({event.client_order_id})"


def _filled(event: OrderFilled) -> str:
    price = "a price that is not listed yet" if event.price is None else f"${dollars_in_words(event.price)}"
    what = f"{event.side.value} {shares_in_words(event.quantity)} {event.symbol} at {price}"
    before = "" if event.new_quantity == event.quantity else f", {shares_in_words(event.new_quantity)} of them new"
    return f"filled: {what}{before}; {shares_in_words(event.remaining_quantity)} left ({event.client_order_id})"


def _ended(event: OrderEnded) -> str:
    why = "" if event.reason is None else f": {event.reason}"
    filled = f"{shares_in_words(event.filled_quantity)} filled"
    ending = event.ending.value.replace("_", " ")
    return f"{ending}: {event.side.value} {event.symbol}, {filled} ({event.client_order_id}){why}"


def _where(event: TradingHalted | TradingResumed) -> str:
    return "the account" if event.symbol is None else event.symbol


def summary_words(summary: AccountSummary, *, trades: int, open_orders: int) -> str:
    """Return the day of an account in a few lines; a figure that nobody knows is said to be unknown."""
    realised = _money(summary.realised_today, sign=True) + _without(summary.unknown_sales_today)
    lines = [
        f"equity {_money(summary.equity)}, cash {_money(summary.cash)}",
        f"today: realised {realised}, unrealised {_money(summary.unrealised_today, sign=True)}",
        f"orders taken today: {trades}, open now: {open_orders}",
    ]
    if unknown := (*summary.unmarked, *summary.unknown_cost):
        lines.append(f"not counted: {_names(unknown)}")
    if summary.problems:
        lines.append(f"not read: {clause(summary.problems[0])}")
    return "\n".join(lines)


def _money(amount: Decimal | None, *, sign: bool = False) -> str:
    if amount is None:
        return "unknown"
    cents = amount.quantize(_CENT)
    mark = "-" if cents < 0 else "+" if sign and cents > 0 else ""
    return f"{mark}${abs(cents):,.2f}"


def _without(sales: int) -> str:
    return "" if not sales else f" (without {sales} {'sale' if sales == 1 else 'sales'} of unknown cost)"


def _names(symbols: tuple[str, ...]) -> str:
    names = sorted(set(symbols))
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
