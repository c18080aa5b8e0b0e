import inspect
from typing import Any

import pytest

from trading_bot.order_management import exceptions
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    DuplicateOrderError,
    OrderCancellationError,
    OrderError,
    OrderLogDamagedError,
    OrderLogError,
    OrderNotFoundError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    OrderStatusError,
    OrderSubmissionError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
    UnsupportedOrderTypeError,
)

TREE: dict[Any, tuple[tuple[type, ...], str]] = {
    OrderError: ((Exception,), "order_error"),
    OrderValidationError: ((OrderError, ValueError), "invalid_order"),
    UnsupportedOrderTypeError: ((OrderError,), "unsupported_order_type"),
    TradingHaltedError: ((OrderError,), "trading_halted"),
    TradeRefusedError: ((OrderError,), "refused_by_rule"),
    DuplicateOrderError: ((OrderError,), "too_many_pending"),
    OrderSubmissionError: ((OrderError,), "submission_failed"),
    OrderRejectedError: ((OrderSubmissionError,), "rejected"),
    OrderNotSentError: ((OrderSubmissionError,), "not_sent"),
    AuthenticationError: ((OrderNotSentError,), "login_needed"),
    OrderOutcomeUnknownError: ((OrderSubmissionError,), "unknown_outcome"),
    OrderCancellationError: ((OrderError,), "not_all_cancelled"),
    OrderStatusError: ((OrderError,), "status_unavailable"),
    OrderNotFoundError: ((OrderStatusError,), "order_not_found"),
    OrderLogError: ((OrderError,), "journal_failed"),
    OrderLogDamagedError: ((OrderLogError,), "journal_damaged"),
}
OWN_ARGUMENTS: dict[Any, dict[str, Any]] = {
    OrderRejectedError: {"reason": "no buying power", "status_code": 400},
    OrderCancellationError: {"results": []},
}


def test_every_error_has_its_place_in_the_tree():
    defined = {found for _, found in inspect.getmembers(exceptions, inspect.isclass) if issubclass(found, Exception)}
    assert defined == set(TREE)


@pytest.mark.parametrize("kind", TREE, ids=[kind.__name__ for kind in TREE])
def test_an_error_stands_below_its_parents_with_a_code_of_its_own(kind):
    parents, code = TREE[kind]
    error = kind("what to do next", **OWN_ARGUMENTS.get(kind, {}))
    assert kind.__bases__ == parents
    assert error.code == code
    assert str(error) == "what to do next"


def test_no_two_errors_share_a_code():
    assert len({code for _, code in TREE.values()}) == len(TREE)


@pytest.mark.parametrize("kind", [kind for kind in TREE if kind not in OWN_ARGUMENTS])
def test_facts_are_attributes_and_absent_ones_are_none(kind):
    envelope = object()
    error = kind("text", client_order_id="mine", order_id="theirs", symbol="AAPL", code="special", envelope=envelope)
    assert (error.client_order_id, error.order_id, error.symbol) == ("mine", "theirs", "AAPL")
    assert (error.code, error.envelope) == ("special", envelope)
    bare = kind("text")
    assert (bare.client_order_id, bare.order_id, bare.symbol, bare.envelope) == (None, None, None, None)


def test_a_rejection_carries_the_brokers_words():
    envelope: Any = object()
    error = OrderRejectedError(
        "text", reason="halted", status_code=403, client_order_id="mine", symbol="AAPL", envelope=envelope
    )
    assert (error.reason, error.status_code) == ("halted", 403)
    assert (error.client_order_id, error.symbol, error.envelope) == ("mine", "AAPL", envelope)


def test_a_failed_cancel_carries_every_result_and_nobody_can_change_them_later():
    results: Any = ["first", "second"]
    error = OrderCancellationError("text", results=results, order_id="theirs")
    results.clear()
    kept: Any = error.results
    assert kept == ("first", "second")
    assert error.order_id == "theirs"


def test_a_rejected_order_never_counts_as_one_that_was_not_sent():
    """Only a request that provably left no order may be repeated under a new name."""
    assert not issubclass(OrderRejectedError, OrderNotSentError)
    assert not issubclass(OrderOutcomeUnknownError, OrderNotSentError)
