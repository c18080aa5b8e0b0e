"""How a run is shown: as plain lines or as JSON Lines. The moving picture of a terminal is in `live_view`."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

import click

from trading_bot.bot_events import BotListener
from trading_bot.cli.render.output import print_json
from trading_bot.cli.render.summary import RunSummary
from trading_bot.cli.render.text import dollars, exchange_time, printable, shares, stop_words
from trading_bot.event_json import event_json
from trading_bot.order_json import JsonObject
from trading_bot.order_management.models import OrderEnvelope
from trading_bot.signals import ExitSignal, ProtectSignal, SignalResult


class RunView(Protocol):
    """What a run tells whoever watches it."""

    @property
    def listener(self) -> BotListener | None:
        """What the bot calls with each event, from a thread of its own; None where looks at the orders are enough."""
        ...

    def showing(self) -> AbstractContextManager[object]:
        """Show the run while inside."""
        ...

    def took(self, result: SignalResult, now: datetime) -> None:
        """A signal line got its result."""
        ...

    def changed(self, order: OrderEnvelope, now: datetime) -> None:
        """An order was filled further, or closed."""
        ...

    def looked(self, orders: Sequence[OrderEnvelope], now: datetime) -> None:
        """Time went on; ``orders`` are those of this run that changed since the last look."""
        ...

    def finished(self, summary: RunSummary) -> None:
        """The run is over."""
        ...


class JsonView:
    """One JSON object for each event and each result, then one for the summary, and nothing else."""

    def __init__(self) -> None:
        self._line = threading.Lock()  # lines of several threads stay whole
        self.listener: BotListener | None = lambda event: self._write(event_json(event))

    def showing(self) -> AbstractContextManager[object]:
        """Nothing to open or close."""
        return nullcontext()

    def took(self, result: SignalResult, now: datetime) -> None:
        """Write the result."""
        del now
        self._write(result.as_json())

    def changed(self, order: OrderEnvelope, now: datetime) -> None:
        """An event has told it."""

    def looked(self, orders: Sequence[OrderEnvelope], now: datetime) -> None:
        """Time is not data."""

    def finished(self, summary: RunSummary) -> None:
        """Write the summary."""
        self._write(summary.as_json())

    def _write(self, line: JsonObject) -> None:
        with self._line:
            print_json(line)


class PlainView:
    """One line for each result, fill and closure, without a control code; then the summary."""

    listener: BotListener | None = None

    def __init__(self, *, zone: ZoneInfo, quiet: bool) -> None:
        self._zone = zone
        self._quiet = quiet

    def showing(self) -> AbstractContextManager[object]:
        """Nothing to open or close."""
        return nullcontext()

    def took(self, result: SignalResult, now: datetime) -> None:
        """Write one line for the result."""
        self._line(now, result.status, result_text(result))

    def changed(self, order: OrderEnvelope, now: datetime) -> None:
        """Write one line for the fill or the closure."""
        self._line(now, fate_word(order), fate_text(order))

    def looked(self, orders: Sequence[OrderEnvelope], now: datetime) -> None:
        """Time alone needs no line."""

    def finished(self, summary: RunSummary) -> None:
        """Write the summary as labelled lines."""
        click.echo("\n".join(f"{label:<14} {text}" for label, text in summary_rows(summary)))

    def _line(self, now: datetime, word: str, text: str) -> None:
        if not self._quiet:
            click.echo(f"{exchange_time(now, self._zone)}  {word:<15} {text}")


def result_text(result: SignalResult) -> str:
    """Say in one line what came of a signal."""
    signal, envelope = result.signal, result.trade.envelope if result.trade else None
    if signal is None:
        return printable(result.message)
    if isinstance(signal, ExitSignal | ProtectSignal):
        # What an exit came to is more than its last order: the sentence says what rests, and what to do.
        wanted = f"{signal.action} {signal.shares or 'all'} {signal.symbol}"
        return printable(f"{wanted} [{signal.strategy_name}] {result.code}: {result.message}")
    wanted = f"{signal.action} {signal.shares} {signal.symbol}"
    if envelope is not None and result.status in ("submitted", "unknown"):
        return printable(
            f"{wanted} limit {dollars(envelope.limit_price)} reference {dollars(signal.price)} [{signal.strategy_name}]"
        )
    return printable(f"{wanted} [{signal.strategy_name}] {result.code}: {result.message}")


def fate_word(order: OrderEnvelope) -> str:
    """Return an order's state in words; some shares of a working order make it partly filled, and a stop waits."""
    if order.awaits_approval:
        return "awaits approval"
    if order.waits_for_stop and order.state.is_working:
        return f"waiting for {dollars(order.stop_price)}"
    if order.filled_quantity > 0 and not order.state.is_terminal:
        return "partly filled"
    return order.state.value.replace("_", " ")


def fate_text(order: OrderEnvelope) -> str:
    """Say in one line how far an order got."""
    average = f" at {dollars(order.average_price)} on average" if order.average_price is not None else ""
    filled = f"{shares(order.filled_quantity)} of {order.quantity} filled{average}"
    terms = (
        f"{order.side} {order.quantity} {order.symbol}{stop_words(order.stop_price)} limit {dollars(order.limit_price)}"
    )
    return printable(f"{terms}: {filled}")


def summary_rows(summary: RunSummary) -> tuple[tuple[str, str], ...]:
    """Return the summary as label and text, in the order to read it."""
    refused = ", ".join(f"{code} {count}" for code, count in summary.refused.items())
    rows = [
        ("signals", str(summary.signals)),
        ("submitted", str(summary.submitted)),
        ("filled", str(summary.filled)),
        ("partly filled", str(summary.partly_filled)),
        ("cancelled", f"{summary.cancelled} without a fill"),
        ("duplicates", f"{summary.duplicates} (nothing sent)"),
        ("refused", f"{sum(summary.refused.values())}{f': {refused}' if refused else ''}"),
        ("still open", _open_text(summary)),
    ]
    if summary.unresolved:
        rows.append(("unknown", f"{summary.unresolved} with no proof either way: do not resend; restart to reconcile"))
    return tuple((label, printable(text)) for label, text in (*rows, *_holding_rows(summary), *_record_rows(summary)))


def _open_text(summary: RunSummary) -> str:
    named = [f"{order.side} {order.quantity} {order.symbol}" for order in summary.open_orders[:8]]
    more = len(summary.open_orders) - len(named)
    listed = ", ".join([*named, *([f"{more} more"] if more else [])])
    return f"{len(summary.open_orders)}{f': {listed}' if listed else ''}"


def _holding_rows(summary: RunSummary) -> list[tuple[str, str]]:
    if summary.holdings is None:
        return [("positions", "not available: the broker did not answer")]
    held = [
        f"{shares(each.quantity)} {each.symbol} at {dollars(each.average_buy_price)}"
        for each in summary.holdings.positions
    ]
    value, reserved = summary.holdings.value, summary.holdings.cash_held
    worth = "not known: a position has no quote" if value is None else f"${dollars(value)} with positions at the bid"
    waiting = f", and ${dollars(reserved)} held for open orders" if reserved else ""
    return [
        ("positions", ", ".join(held) or "none"),
        ("cash", _cash(summary.holdings.cash, waiting)),
        ("account value", worth),
    ]


def _cash(amount: Decimal | None, waiting: str) -> str:
    return "not known: the broker does not say" if amount is None else f"${dollars(amount)}{waiting}"


def _record_rows(summary: RunSummary) -> list[tuple[str, str]]:
    journal = summary.journal
    state = "verified" if journal.ok else f"DOES NOT VERIFY ({journal.problem}); keep it and ask before trading on"
    return [("journal", f"{journal.records} records, {state}: {journal.path}"), ("logs", str(summary.logs))]
