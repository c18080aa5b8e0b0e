"""Every code of a refusal in the source, and what it may do to an exit. A new code fails here until that is decided."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import PACKAGE

# A refusal that may stop an exit, with the reason. Everything else must not.
MAY_STOP_AN_EXIT = {
    # No shorting, and one order per id.
    "insufficient_shares": "no shorting: more than is provably held and free is not sold",
    "positions_unknown": "no shorting: what is held has not been read, or is too old where the account could go short",
    "client_order_id_reused": "one order per id",
    "duplicate": "an equal sell without an id of its own still rests: it is the same order",
    "would_cross_own_order": "trading with oneself is prohibited; the message names `exit`, which cancels the other",
    # Kill and journal.
    "trading_halted": "a kill, or a start without any position read; halts and freezes on record are tested not to",
    "armed_anew": "a kill came between the decision and the order",
    "journal_failed": "write-ahead: what cannot be recorded is not sent",
    "journal_damaged": "write-ahead: the journal does not verify",
    # Session clock and price floor.
    "market_closed": "a closed session; the message names the extended one while that is open",
    "slippage_guard": "the price floor",
    "price_not_positive": "the price floor",
    "price_out_of_date": "the price floor: the reference is older than an intent may get",
    # A request that is none: it names what is wrong, and the next one passes.
    **dict.fromkeys(
        (
            *("bad_symbol", "bad_quantity", "bad_price", "bad_time_in_force", "bad_extended_hours", "bad_side"),
            *("bad_action", "bad_pricing", "bad_client_order_id", "bad_request", "invalid_order", "too_long"),
            *("bad_correlation_id", "unsupported_order_type", "invalid_signal", "no_quote", "off_tick"),
            *("bad_strategy_name", "bad_reason", "bad_stop"),
        ),
        "the request itself is wrong",
    ),
    # The broker's own answers, and the way to it.
    **dict.fromkeys(
        ("rejected", "not_sent", "login_needed", "unknown_outcome", "submission_failed", "not_at_broker", "not_found"),
        "the broker said so, or could not be reached",
    ),
    "stop_reached": "a stop that would sell at once; the message names `exit`, which does",
    "not_one_instrument": "nothing that was read names the instrument",
    "no_transport": "there is no way to the broker",
    "no_certificate_authorities": "there is no trusted way to the broker",
    "too_many_exits": "machine exits are counted; stops and persons are not",
}

# What is no answer to a sell: other questions, successes and classes that are never raised as they are.
NO_ANSWER_TO_A_SELL = {
    "allowed": "no refusal",
    "submitted": "no refusal",
    "order_error": "the root of the tree, never raised",
    "refused_by_rule": "the class of a rule's refusal; each rule has its own code",
    "not_all_cancelled": "the answer to a cancel",
    "cancel_all_running": "the answer to a second cancel-all",
    "replace_under_way": "the answer to a second replace",
    "not_replaceable": "the answer to a replace",
    "bad_protection": "the answer to a protection that makes no sense",
    "target_reached": "the answer to a protection that would sell at once",
    "stop_stands_already": "why the stop of a plan does not rest; its exit is another order",
    "approval_awaited": "why the stop of a plan protects nothing yet; its exit is another order",
    "approvals_asked": "the answer to a protection on an account that asks for approvals",
    "not_protected": "the answer to ending a protection that is not there",
    "nameless_decision": "the answer to a decision",
    "bad_ratio": "the answer to a decision",
    "ratio_does_not_fit": "the answer to a decision",
    "not_reconciled": "the answer to `recover`",
    "status_unavailable": "the answer to a read",
    "tool_refused": "the answer to a read",
    "journal_missing": "the answer to a read of the journal by another process",
    "order_not_found": "the answer to a read",
    "not_allowed": "the control socket refuses another user",
    "reply_lost": "the control socket's answer was lost",
    "login_budget_spent": "the answer to a login",
    "token_file_refused": "the answer to a login",
}

# The rules that an exit escapes, each proven by a test.
MUST_NOT_STOP_AN_EXIT = {
    "too_many_pending": "test_emergencies::the_side_is_crowded",
    "view_too_old": "test_emergencies::reads_are_throttled",
    "no_account_data": "test_exit_position::a_read_that_fails_keeps_no_held_share_from_being_sold",
    "risk_halt": "test_exit_position::a_limit_of_an_order_and_a_loss_halt_bind_no_exit",
    "max_trades_per_day": "test_exit_position::a_limit_of_an_order_and_a_loss_halt_bind_no_exit",
    "max_order_notional": "test_exit_position::a_limit_of_an_order_and_a_loss_halt_bind_no_exit",
    "max_position_notional": "test_safety_checks::no_limit_of_an_order_binds_a_sell_of_held_shares",
    "max_entries_per_minute": "test_safety_checks::the_limits_of_a_day_stop_buys_and_never_a_sell_of_held_shares",
    "max_gross_exposure": "test_exposure_limit::an_exit_goes_whatever_the_exposure_is",
    "symbol_not_allowed": "test_symbol_lists::held_shares_are_sold_whatever_the_lists_say",
    "symbol_denied": "test_symbol_lists::held_shares_are_sold_whatever_the_lists_say",
    "max_open_orders": "test_safety_checks::no_limit_of_an_order_binds_a_sell_of_held_shares",
    "no_usable_quote": "test_emergencies::quotes_are_down",
    "outside_collar": "test_emergencies::quotes_are_down",
    "symbol_halted": "submit/test_exit::a_halted_instrument_gets_one_order_and_no_repricing",
    "same_refusal": "test_same_refusal_stops_no_exit::an_exit_is_refused_by_the_broker_each_time_and_never_here",
    "account_unreadable": "test_exit_position::a_read_that_fails_keeps_no_held_share_from_being_sold",
    "account_restricted": "test_safety_checks::a_restricted_account_may_sell_but_not_buy",
    "insufficient_buying_power": "test_safety_checks::a_sell_needs_no_buying_power",
    "broker_review": "submit/test_review_check::no_exit_is_reviewed",
}

# Codes of the command line, of settings and of packages that no order passes.
ELSEWHERE = ("cli", "config", "paper", "kill", "latch.py", "auth", "canary")


def sources() -> Iterator[Path]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] not in ELSEWHERE:
            yield path


def text_of(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def codes_in(tree: ast.AST) -> Iterator[str]:
    """The codes given as text, and those given by the name of a constant."""
    for node in ast.walk(tree):
        is_keyword = isinstance(node, ast.keyword) and node.arg == "code"
        is_class_code = isinstance(node, ast.Assign) and any(_is_named(target, ("code",)) for target in node.targets)
        if is_keyword or is_class_code:
            code = text_of(getattr(node, "value", None))
            if code is not None:
                yield code


def constants_in(tree: ast.AST, names: Collection[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(_is_named(target, names) for target in node.targets):
            code = text_of(node.value)
            if code is not None:
                yield code


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "code":
            name = node.value.id if isinstance(node.value, ast.Name) else ""
            if name.isupper():
                yield name


def _is_named(target: ast.AST, names: Collection[str]) -> bool:
    return isinstance(target, ast.Name) and target.id in names


def rules_in(tree: ast.AST) -> Iterator[str]:
    """The names of the rules: pairs of a text and a function in a table called ..._RULES."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id.endswith("_RULES"):
            for pair in ast.walk(node.value) if node.value is not None else ():
                if isinstance(pair, ast.Tuple) and pair.elts and (name := text_of(pair.elts[0])) is not None:
                    yield name


def every_code() -> set[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources()]
    names = {name for tree in trees for name in names_in(tree)} | {"NO_QUOTE"}
    return {code for tree in trees for code in (*codes_in(tree), *constants_in(tree, names), *rules_in(tree))}


@pytest.mark.no_cover
def test_it_is_decided_of_every_refusal_whether_it_may_stop_an_exit():
    decided = {*MAY_STOP_AN_EXIT, *NO_ANSWER_TO_A_SELL, *MUST_NOT_STOP_AN_EXIT}
    assert every_code() - decided == set()


def test_no_refusal_is_decided_twice():
    tables = (MAY_STOP_AN_EXIT, NO_ANSWER_TO_A_SELL, MUST_NOT_STOP_AN_EXIT)
    assert sum(map(len, tables)) == len({code for table in tables for code in table})


@pytest.mark.parametrize("proof", sorted(MUST_NOT_STOP_AN_EXIT.values()))
def test_the_proof_that_an_exit_escapes_a_rule_exists(proof):
    file, _, name = proof.partition("::")
    (path,) = Path(__file__).parents[2].rglob(f"{file}.py")
    assert f"def test_{name}" in path.read_text(encoding="utf-8") or f"def {name}" in path.read_text(encoding="utf-8")
