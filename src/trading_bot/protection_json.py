"""The public JSON forms of protection plans, as `order_json` has those of orders."""

from collections.abc import Iterable

from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text, shares_text
from trading_bot.protection.shown import SetPlan, ShownPlan
from trading_bot.protection.words import plan_in_words


def protection_json(shown: ShownPlan) -> JsonObject:
    """Return a plan as it stands; ``quantity`` is what it covers of the shares that are held."""
    plan, order = shown.plan, shown.stop_order
    return {
        "v": FORM_VERSION,
        "plan_id": plan.plan_id,
        "symbol": plan.symbol,
        "quantity": shares_text(shown.covers),
        "stop": amount_text(plan.stop),
        "target": amount_text(plan.target),
        "trail_pct": amount_text(plan.trail_pct),
        "high": amount_text(plan.high),
        "trail_level": amount_text(plan.trail_level),
        "stop_rests": shown.rests,
        "stop_order": None if order is None else order.client_order_id,
        "stop_limit": None if order is None else amount_text(order.limit_price),
        "not_resting_because": plan.not_resting_because,
        "suspended": plan.suspended,
        "suspended_because": plan.suspended_because,
        "waits_for_entry": plan.waits_for_entry,
        "ending": plan.closing,
        "by": plan.by,
    }


def set_plan_json(answer: SetPlan) -> JsonObject:
    """Return the answer to a new plan."""
    return {**protection_json(answer.shown), "message": plan_in_words(answer.shown), "notes": list(answer.notes)}


def protections_json(plans: Iterable[ShownPlan]) -> JsonObject:
    """Return every plan."""
    return {"v": FORM_VERSION, "protections": [protection_json(shown) for shown in plans]}
