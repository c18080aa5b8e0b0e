"""What a preview says: the order that would be sent, what holds it up, and the broker's own review of it."""

from collections.abc import Iterator

from trading_bot.cli.render.answers import Answer, amount, listed, part, parts, text, wanted
from trading_bot.cli.render.text import dollars


def preview_lines(answer: Answer) -> tuple[str, ...]:
    """Say what would be sent, and what holds it up."""
    terms, refusal = part(answer, "terms") or {}, part(answer, "refusal")
    would = (
        f"{wanted(terms)} limit {_dollars(terms, 'limit_price')}, {text(terms, 'time_in_force')}, "
        f"${_dollars(terms, 'notional')} in all"
    )
    beside = (*_tick_lines(answer), *_review_lines(answer))
    if refusal is None:
        return (f"would be sent: {would}", "nothing was sent", *beside)
    return (f"would not be sent: {would}", f"{text(refusal, 'code')}: {text(refusal, 'message')}", *beside)


def _tick_lines(answer: Answer) -> tuple[str, ...]:
    tick = part(answer, "tick")
    if tick is None:
        return ()
    whose = "the instrument's own" if tick.get("source") == "instrument" else "SEC Rule 612"
    problem = tick.get("problem")
    doubt = f"; the instrument's own is not known, so the order may have another price ({problem})" if problem else ""
    return (f"rounded to steps of ${text(tick, 'size')} ({whose}){doubt}",)


def _review_lines(answer: Answer) -> Iterator[str]:
    review = part(answer, "broker_review")
    if review is None:
        return
    if review.get("problem"):
        yield f"the broker's own review: {text(review, 'problem')}"
        return
    alerts = parts(review, "alerts")
    for alert in alerts:
        details = ", ".join(" ".join(map(str, pair)) for pair in listed(alert, "details") if isinstance(pair, list))
        yield f"the broker's own review: {text(alert, 'kind')}{f' ({details})' if details else ''}"
    if not alerts:
        yield "the broker's own review: no objection, which promises nothing"
    if review.get("bid") is not None:
        prices = (f"{name} {_dollars(review, name)}" for name in ("bid", "ask", "last") if review.get(name))
        yield f"it goes by {', '.join(prices)}"
    if review.get("disclosure"):
        yield f"and says: {text(review, 'disclosure')}"


def _dollars(answer: Answer, key: str) -> str:
    return dollars(amount(answer, key))
