"""The public JSON forms of exits and freezes, as `order_json` has those of orders."""

from collections.abc import Iterable

from trading_bot.bot_exits import exited_trade
from trading_bot.order_json import FORM_VERSION, JsonObject, envelope_json, moment_text, shares_text
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.submit.exit_run import ExitResult


def exit_json(result: ExitResult) -> JsonObject:
    """Return what came of an exit, with its orders; ``status`` is that of a trade."""
    return {
        "v": FORM_VERSION,
        "exit_id": result.exit_id or None,
        "symbol": result.symbol,
        "ending": result.ending.value,
        "status": exited_trade(result).status.value,
        "code": result.code,
        "message": result.message,
        "correlation_id": result.correlation_id,
        "sold": shares_text(result.sold),
        "orders": [envelope_json(order) for order in result.orders],
    }


def exits_json(results: Iterable[ExitResult]) -> JsonObject:
    """Return what came of several exits."""
    return {"v": FORM_VERSION, "results": [exit_json(result) for result in results]}


def freeze_json(freeze: Freeze) -> JsonObject:
    """Return one reason why entries are stopped; ``symbol`` is null for the whole account."""
    return {
        "v": FORM_VERSION,
        "symbol": freeze.symbol,
        "cause": freeze.cause and freeze.cause.value,
        "reason": freeze.reason,
        "by": freeze.by,
        "since": moment_text(freeze.since),
        "until": moment_text(freeze.until),
        "ended_by": freeze.ended_by.value,
        "remedy": freeze.remedy,
    }


def freezes_json(freezes: Iterable[Freeze], *, halted: str | None) -> JsonObject:
    """Return all that stops entries; ``halted`` is the first reason that stops them everywhere, or null."""
    return {"v": FORM_VERSION, "freezes": [freeze_json(freeze) for freeze in freezes], "halted": halted}
