"""What an account comes to, in rows for people: to the cent, and what is not known said to be unknown."""

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading_bot.cli.render.answers import Answer, amount, listed, moment
from trading_bot.cli.render.text import cents, signed
from trading_bot.order_management.models import EXACT

ACCOUNT_HEADINGS = ("account", "amount", "of it")
_FROM = {"quotes": "cash and positions at their quotes, added up here"}


def account_rows(answer: Answer, zone: ZoneInfo) -> tuple[tuple[str, str, str], ...]:
    """Return one row a figure under `ACCOUNT_HEADINGS`."""
    return tuple(_figures(answer, zone))


def _figures(answer: Answer, zone: ZoneInfo) -> Iterator[tuple[str, str, str]]:
    as_of = "" if answer.get("as_of") is None else f"as of {moment(answer, 'as_of', zone)}"
    yield "cash", cents(amount(answer, "cash")), as_of
    yield "buying power", cents(amount(answer, "buying_power")), ""
    yield "equity", cents(amount(answer, "equity")), _FROM.get(str(answer.get("equity_from")), "")
    for label, realised, unrealised in (
        ("today", amount(answer, "realised_today"), amount(answer, "unrealised_today")),
        ("in all", amount(answer, "realised"), amount(answer, "unrealised")),
    ):
        parts = f"{signed(realised)} realised, {signed(unrealised)} unrealised"
        yield label, signed(_sum(realised, unrealised)), parts


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else EXACT.add(one, other)


def account_notes(answer: Answer) -> Iterator[str]:
    """Say what the figures leave out, and why one is unknown."""
    if answer.get("unknown_sales"):
        yield f"the cost of shares of {answer['unknown_sales']} sales is unknown, and they are in no result"
    if symbols := listed(answer, "unknown_cost"):
        yield f"the cost of shares of {', '.join(map(str, symbols))} is unknown, and they are in no result"
    if symbols := listed(answer, "unmarked"):
        yield f"without a fresh price, or in doubt, and in no unrealised result: {', '.join(map(str, symbols))}"
    if "recorded_until" in answer:
        yield "nobody was asked: this is what is on record"
    yield from map(str, listed(answer, "problems"))
