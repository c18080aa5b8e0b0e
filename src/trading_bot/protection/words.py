"""A plan in a sentence."""

from collections.abc import Iterator

from trading_bot.order_management.book.protections import Plan
from trading_bot.prose import dollars_in_words, shares_in_words
from trading_bot.protection.shown import ShownPlan


def plan_in_words(shown: ShownPlan) -> str:
    """Say what is sold, at which prices, and where each of them is watched."""
    plan = shown.plan
    covers = "what its entry buys" if plan.waits_for_entry else f"{shares_in_words(shown.covers)} shares"
    return f"{plan.symbol}: {covers} protected: {'; '.join(_legs(plan, rests=shown.rests))}"


def _legs(plan: Plan, *, rests: bool) -> Iterator[str]:
    if plan.stop is not None:
        yield f"stop {dollars_in_words(plan.stop)} {'rests at the broker' if rests else 'is watched'}"
    if plan.target is not None:
        yield f"target {dollars_in_words(plan.target)} is watched"
    if plan.trail_pct is not None:
        level = plan.trail_level
        now = "" if level is None else f", now {dollars_in_words(level.quantize(level.__class__('0.01')))}"
        yield f"trail {plan.trail_pct:f} %{now} is watched"
