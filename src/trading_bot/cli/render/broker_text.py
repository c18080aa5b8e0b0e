"""What the broker's own books say, in lines and rows for people."""

from collections.abc import Iterator

from trading_bot.cli.render.answers import Answer, amount, part, parts
from trading_bot.cli.render.text import cents, dollars, shares, signed

BOOK_HEADINGS = ("bid", "shares", "ask", "shares")
LOT_HEADINGS = ("opened", "quantity", "sellable", "cost", "a share", "term", "how")
_UNKNOWN = "unknown"
_SPANS = {"3month": "the last 3 months"}


def broker_lines(answer: Answer) -> Iterator[str]:
    """Say whether the symbol may be traded, and what sells earned."""
    may_trade, realised = part(answer, "tradability"), part(answer, "realised")
    if may_trade is None:
        yield f"{answer['symbol']}: whether it may be traded is {_UNKNOWN}"
    else:
        types = part(may_trade, "account_types") or {}
        words = [
            f"tradeable {_either(may_trade, 'tradeable', yes='yes', no='no')}",
            f"state {_word(may_trade, 'state')}",
        ]
        words += [f"{name} accounts {word}" for name, word in types.items()]
        if may_trade.get("halt"):
            words.append(f"halt: {may_trade['halt']}")
        yield f"{answer['symbol']}: {', '.join(words)}"
    if realised is not None:
        span = _SPANS.get(str(realised["span"]), realised["span"])
        yield f"realised by the broker's books over {span}: {signed(amount(realised, 'total'))}"


def level_rows(book: Answer) -> Iterator[tuple[str, ...]]:
    """Return one row a level under `BOOK_HEADINGS`, the best first."""
    bids, asks = parts(book, "bids"), parts(book, "asks")
    for at in range(max(len(bids), len(asks))):
        yield (*_level(bids, at), *_level(asks, at))


def _level(levels: tuple[Answer, ...], at: int) -> tuple[str, str]:
    if at >= len(levels):
        return "", ""
    return dollars(amount(levels[at], "price")), _count(levels[at], "quantity")


def lot_row(lot: Answer) -> tuple[str, ...]:
    """Return the row of a lot under `LOT_HEADINGS`."""
    each = amount(lot, "cost_per_share")
    return (
        _word(lot, "opened_on"),
        _count(lot, "quantity"),
        _count(lot, "available"),
        cents(amount(lot, "cost_basis")),
        _UNKNOWN if each is None else dollars(each),
        _either(lot, "long_term", yes="long", no="short"),
        _word(lot, "kind"),
    )


def _count(answer: Answer, key: str) -> str:
    quantity = amount(answer, key)
    return _UNKNOWN if quantity is None else shares(quantity)


def _word(answer: Answer, key: str) -> str:
    return str(answer.get(key) or _UNKNOWN)


def _either(answer: Answer, key: str, *, yes: str, no: str) -> str:
    told = answer.get(key)
    return _UNKNOWN if told is None else yes if told else no
