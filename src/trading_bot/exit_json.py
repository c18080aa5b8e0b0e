"""The public JSON forms of exits, as `order_json` has those of orders."""

from collections.abc import Iterable

from trading_bot.bot_exits import exited_trade
from trading_bot.order_json import FORM_VERSION, JsonObject, envelope_json, shares_text
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
