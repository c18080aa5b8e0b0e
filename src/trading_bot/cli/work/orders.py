"""Places, previews and cancels orders."""

from collections.abc import Mapping, Sequence

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode, exit_code_of_trade
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.prompts import confirm
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.preview_text import preview_lines
from trading_bot.cli.session import AccountSession, progress_lines, show_live_banner
from trading_bot.cli.work.looks import show_listed
from trading_bot.operations import CancelAll, CancelOrder, ListOrders, PlaceOrder, PreviewOrder, ReplaceOrder
from trading_bot.order_management.calculator import parse_price, validate_quantity, validate_symbol
from trading_bot.order_management.client_ids import validate_client_order_id


def buy(invocation: Invocation, **terms: object) -> None:
    """Buy; see `sell`."""
    _trade(invocation, {**terms, "side": "buy"})


def sell(invocation: Invocation, **terms: object) -> None:
    """Sell.

    Raises:
        OrderValidationError, UnsupportedOrderTypeError: a term can never be part of an order.
        CommandError: the broker does not have the order, or may not have it.
    """
    _trade(invocation, {**terms, "side": "sell"})


def _trade(invocation: Invocation, terms: Mapping[str, object]) -> None:
    refuse_nonsense(terms)
    session = AccountSession(invocation)
    show_live_banner(invocation, session.config)
    answer = session.perform(PlaceOrder, {**terms, "reason": f"{terms['side']} at the command line"})
    session.show(answer, words.trade_lines)
    exit_code = exit_code_of_trade(status=str(answer["status"]), code=str(answer["code"]))
    if exit_code is not ExitCode.DONE:
        raise CommandError(str(answer["message"]), exit_code=exit_code, code=str(answer["code"]))


def refuse_nonsense(terms: Mapping[str, object]) -> None:
    """Check what needs no account and no broker, so that a slip of the keyboard opens nothing.

    Raises:
        OrderValidationError, UnsupportedOrderTypeError: a term can never be part of an order.
    """
    symbol = validate_symbol(terms["symbol"])
    validate_quantity(terms["quantity"], symbol=symbol)
    parse_price(terms["reference_price"], symbol=symbol)
    if terms["client_order_id"] is not None:
        validate_client_order_id(terms["client_order_id"])


def preview(invocation: Invocation, **terms: object) -> ExitCode:
    """Show what would be sent, and return the exit code that buy or sell would end with."""
    refuse_nonsense(terms)
    session = AccountSession(invocation)
    answer = session.perform(PreviewOrder, terms)
    session.show(answer, preview_lines)
    refusal = words.part(answer, "refusal")
    if refusal is None:
        return ExitCode.DONE
    return exit_code_of_trade(status=str(refusal["status"]), code=str(refusal["code"]))


def cancel(invocation: Invocation, *, order_id: str, correlation_id: str | None) -> None:
    """Cancel one order.

    Raises:
        CommandError: it may still trade.
    """
    session = AccountSession(invocation)
    answer = session.perform(CancelOrder, {"id": order_id, "correlation_id": correlation_id})
    session.show(answer, lambda result: (words.cancel_line(result),))
    if not answer["proven_closed"]:
        raise CommandError(
            f"order {order_id} may still trade ({answer['verdict']}); read its status, and cancel it again while it is "
            "open",
            exit_code=ExitCode.OUTCOME_UNKNOWN,
            code="not_proven_closed",
        )


def replace(invocation: Invocation, *, order_id: str, **terms: object) -> None:
    """Replace one order, and show what stands now.

    Raises:
        OrderValidationError: a term can never be part of an order.
    """
    for name in ("reference_price", "stop_price"):
        if terms[name] is not None:
            parse_price(terms[name], symbol="replace")
    session = AccountSession(invocation)
    show_live_banner(invocation, session.config)
    answer = session.perform(ReplaceOrder, {"id": order_id, **terms})
    session.show(answer, words.replaced_lines)


def cancel_all(
    invocation: Invocation, *, include_external: bool, everything: bool, yes: bool, correlation_id: str | None
) -> None:
    """Show the open orders, ask, cancel them, and say how each one ended.

    Raises:
        CommandError: the answer was no, or nobody can be asked.
        OrderCancellationError: an order may still trade.
    """
    session = AccountSession(invocation)
    if not yes:
        answer = session.perform(ListOrders, {"all_origins": include_external})
        stays = [each for each in words.parts(answer, "orders") if each.get("stop_price") and not everything]
        listed = [each for each in words.parts(answer, "orders") if each not in stays]
        if not listed and not include_external:
            _sum_up(session, orders=0, closed=0, kept=stays, correlation_id=None)
            return
        if not invocation.json:
            show_listed(answer, session.zone, invocation)
        confirm(invocation, _question(len(listed), include_external=include_external), option="--yes")
    done = session.perform(
        CancelAll,
        {"include_external": include_external, "all": everything or None, "correlation_id": correlation_id},
        on_progress=progress_lines(invocation, words.cancel_line),
    )
    results = words.parts(done, "results")
    closed = sum(result["proven_closed"] is True for result in results)
    kept = words.parts(done, "kept")
    _sum_up(session, orders=len(results), closed=closed, kept=kept, correlation_id=done["correlation_id"])


def _sum_up(
    session: AccountSession, *, orders: int, closed: int, kept: Sequence[words.Answer], correlation_id: object
) -> None:
    none = "no open orders but stops" if kept else "no open orders"
    said = f"{closed} of {orders} orders cannot trade any more" if orders else none
    answer = {"v": 1, "orders": orders, "proven_closed": closed, "kept": list(kept), "correlation_id": correlation_id}
    session.show(answer, lambda shown: (said, *words.kept_lines(shown)))


def _question(count: int, *, include_external: bool) -> str:
    others = " and every order of the account placed elsewhere" if include_external else ""
    return f"cancel {count} open order{'' if count == 1 else 's'}{others}"
