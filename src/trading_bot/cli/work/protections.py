"""Lists protection plans."""

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.session import AccountSession
from trading_bot.operations import ListProtections
from trading_bot.prose import dollars_in_words

_HEADINGS = ("SYMBOL", "SHARES", "STOP", "TARGET", "TRAIL", "STATE")


def protections(invocation: Invocation) -> None:
    """List every plan."""
    answer = AccountSession(invocation).perform(ListProtections)
    if invocation.json:
        print_json(answer)
    elif rows := [_row(plan) for plan in words.parts(answer, "protections")]:
        print_table(_HEADINGS, rows, invocation=invocation)
    else:
        print_line("nothing is protected")


def _row(plan: Answer) -> tuple[str, ...]:
    per_cent = plan["trail_pct"]
    level = words.amount(plan, "trail_level")
    trail = "-" if per_cent is None else f"{per_cent} %" + ("" if level is None else f" (now {level:.2f})")
    return (
        str(plan["symbol"]),
        str(plan["quantity"]),
        _price(plan, "stop"),
        _price(plan, "target"),
        trail,
        state_of(plan),
    )


def _price(plan: Answer, key: str) -> str:
    price = words.amount(plan, key)
    return "-" if price is None else dollars_in_words(price)


def state_of(plan: Answer) -> str:
    """Say in a few words what a plan does now, and why it does not do more."""
    if plan["suspended"] is not None:
        return f"suspended: {plan['suspended_because']}"
    if plan["ending"] is not None:
        return "ending"
    if plan["waits_for_entry"]:
        return "waits for its entry to fill"
    if plan["stop"] is None:
        return "watched"
    if plan["stop_rests"]:
        return "stop rests at the broker"
    because = plan["not_resting_because"]
    return "stop is watched" if because is None else f"stop is watched: {because}"
