"""The rows of a live view: every open order of the account, every position, made of one answer of `ShowView`.

What is not known is called unknown. Every text is made printable here: nothing of the broker's or a strategy's can move
the cursor, colour a line or be taken for markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from rich.text import Text

from trading_bot.cli.render.answers import (
    Answer,
    amount,
    filled_text,
    is_waiting,
    not_understood,
    parts,
    state_text,
    symbol_text,
    text,
)
from trading_bot.cli.render.columns import Column
from trading_bot.cli.render.text import cents, dollars, printable, shares, signed

UNKNOWN = "unknown"
ELSEWHERE = "elsewhere"
BAD = "bold red"
_LEAST = 3
"""Lines of a list: its title, its headings and a row."""

ORDER_COLUMNS = (
    Column(heading="SYMBOL", least=6),
    Column(heading="SIDE", least=4),
    Column(heading="FILLED"),
    Column(heading="LIMIT"),
    Column(heading="STOP"),
    Column(heading="STATE", least=9),
    Column(heading="FROM", least=9),
    Column(heading="ORDER ID", least=12, rank=1),
    Column(heading="PLACED", least=8, rank=2),
    Column(heading="AVERAGE", rank=3),
)
POSITION_COLUMNS = (
    Column(heading="SYMBOL", least=6),
    Column(heading="HELD"),
    Column(heading="PRICE", rank=2),
    Column(heading="VALUE"),
    Column(heading="COST", rank=1),
    Column(heading="RESULT"),
    Column(heading="%", rank=4),
    Column(heading="FREE", rank=3),
    Column(heading="SELLS AT", least=8),
    Column(heading="REMARK", least=6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a list; ``key`` names what it shows, wherever the line moves to."""

    key: str
    cells: tuple[Text, ...]
    facts: Answer = field(compare=False)


def order_rows(view: Answer, zone: ZoneInfo) -> tuple[Row, ...]:
    """Return every open order of the account: ours, then those placed elsewhere."""
    ours = (_our_order(order, zone) for order in parts(view, "orders"))
    others = (_other_order(order, number) for number, order in enumerate(parts(view, "external")))
    return (*ours, *others)


def orders_title(view: Answer) -> str:
    """Count the open orders."""
    ours, others = len(parts(view, "orders")), len(parts(view, "external"))
    elsewhere = f", {others} of them placed elsewhere" if others else ""
    return f"OPEN ORDERS {ours + others}{elsewhere}"


def _our_order(order: Answer, zone: ZoneInfo) -> Row:
    name = text(order, "client_order_id")
    average = amount(order, "average_price")
    return Row(
        key=f"ours {name}",
        cells=(
            _cell(symbol_text(order)),
            _side(order),
            _cell(filled_text(order)),
            _cell(dollars(amount(order, "limit_price"))),
            _stop(order),
            _cell(
                "waiting" if is_waiting(order) else state_text(order),
                style=BAD if order.get("state") == "unknown" else "",
            ),
            _cell(text(order, "strategy_name")),
            _cell(name),
            _cell(_time(order, "created_at", zone)),
            _cell("" if average is None else dollars(average)),
        ),
        facts=order,
    )


def _other_order(order: Answer, number: int) -> Row:
    doubt = not_understood(order)
    left = amount(order, "remaining_quantity")
    state = "waiting" if order.get("waits_for_stop") else text(order, "broker_state")
    return Row(
        key=f"elsewhere {order.get('order_id') or f'without an id, {number}'}",
        cells=(
            _cell(text(order, "symbol") if order.get("symbol") else text(order, "instrument_id")),
            _side(order),
            _cell(UNKNOWN if left is None else f"{shares(left)} left"),
            _cell(dollars(amount(order, "limit_price"))),
            _stop(order),
            _cell(state if doubt == "-" else doubt, style="" if doubt == "-" else BAD),
            _cell(ELSEWHERE, style="bold yellow"),
            _cell(text(order, "order_id")),
            Text(),
            Text(),
        ),
        facts=order,
    )


def position_rows(view: Answer) -> tuple[Row, ...]:
    """Return every position, those that cannot be read included."""
    plans = {text(plan, "symbol"): plan for plan in parts(view, "protections")}
    held = (_position(each, plans.get(text(each, "symbol"))) for each in parts(view, "positions"))
    return (*held, *(_unread(each, number) for number, each in enumerate(parts(view, "unread"))))


def positions_title(view: Answer) -> str:
    """Count the positions, and add up what they are worth where all of it is known."""
    if view.get("positions") is None:
        return "POSITIONS not read in this session"
    held = parts(view, "positions")
    count = len(held) + len(parts(view, "unread"))
    if not count:
        return "POSITIONS none"
    values = [amount(each, "value") for each in held]
    known = [value for value in values if value is not None]
    is_all = len(known) == count
    return f"POSITIONS {count}, worth {cents(sum(known, Decimal(0))) if is_all else UNKNOWN}"


def _position(position: Answer, plan: Answer | None) -> Row:
    value, cost, result = (amount(position, name) for name in ("value", "cost", "result"))
    return Row(
        key=f"position {text(position, 'symbol')}",
        cells=(
            _cell(text(position, "symbol")),
            _cell(text(position, "quantity")),
            _cell(UNKNOWN if position.get("price") is None else dollars(amount(position, "price"))),
            _cell(cents(value)),
            _cell(cents(cost)),
            result_text(result),
            _cell("-" if result is None or not cost else f"{result / cost * 100:+.1f}"),
            _cell(text(position, "free")),
            _plan(plan),
            _cell(_remark(position), style="yellow"),
        ),
        facts=position,
    )


def _plan(plan: Answer | None) -> Text:
    if plan is None:
        return Text()
    if plan.get("suspended"):
        return _cell(f"suspended: {text(plan, 'suspended_because')}", style=BAD)
    prices = (("stop", "stop"), ("target", "target"), ("trail", "trail_level"))
    return _cell(
        " ".join(f"{word} {dollars(price)}" for word, key in prices if (price := amount(plan, key)) is not None)
    )


def _remark(position: Answer) -> str:
    was = f"was {position['symbol_was']}; " if position.get("symbol_was") else ""
    return was + (f"our fills explain {text(position, 'expected')}" if position.get("differs") else "")


def _unread(row: Answer, number: int) -> Row:
    unknown = Text(UNKNOWN)
    figures = (*(unknown for _ in POSITION_COLUMNS[1:-4]), Text("-"), unknown, Text())
    remark = _cell(f"cannot be read: {text(row, 'problem')}", style=BAD)
    return Row(key=f"unread {number}", cells=(_cell(text(row, "name")), *figures, remark), facts=row)


def detail_lines(facts: Answer) -> tuple[str, ...]:
    """Return all that is known of a row, one fact a line."""
    known = ((name, value) for name, value in facts.items() if value not in (None, [], "") and name != "v")
    return tuple(printable(f"{name.replace('_', ' ')}: {value}") for name, value in known)


def result_text(value: Decimal | None) -> Text:
    """Return a gain or a loss to the cent, green or red."""
    style = "" if not value else "green" if value > 0 else "red"
    return Text(signed(value), style=style)


def _side(order: Answer) -> Text:
    side = text(order, "side")
    return _cell(side, style={"buy": "cyan", "sell": "magenta"}.get(side, ""))


def _stop(order: Answer) -> Text:
    stop = amount(order, "stop_price")
    return _cell("" if stop is None else dollars(stop))


def _cell(said: str, *, style: str = "") -> Text:
    return Text(printable(said), style=style)


def _time(order: Answer, key: str, zone: ZoneInfo) -> str:
    value = order.get(key)
    return "-" if value is None else f"{datetime.fromisoformat(str(value)).astimezone(zone):%H:%M:%S}"


def heights(room: int, *, orders: Sequence[Row], positions: Sequence[Row]) -> tuple[int, int, int]:
    """Divide so many lines between orders, positions and events.

    Orders have what they need but for a third that positions may need and a fifth for the events, which have what the
    other two leave. A list needs two lines besides its rows.
    """
    for_events = max(_LEAST, room // 5)
    wanted = max(_LEAST, len(positions) + 2)
    orders_have = max(_LEAST, room - for_events - min(wanted, max(_LEAST, room // 3)))
    orders_have = min(max(_LEAST, len(orders) + 2), orders_have)
    positions_have = min(wanted, max(_LEAST, room - orders_have - for_events))
    return orders_have, positions_have, max(1, room - orders_have - positions_have)
