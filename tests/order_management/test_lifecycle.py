import pytest

from trading_bot.order_management.lifecycle import TRANSITIONS, Move, MoveKind, classify, is_legal
from trading_bot.order_management.models import OrderState

COLUMNS = (
    OrderState.PENDING_SUBMIT,
    OrderState.UNKNOWN,
    OrderState.PRESUMED_ABSENT,
    OrderState.QUEUED,
    OrderState.CONFIRMED,
    OrderState.PARTIALLY_FILLED,
    OrderState.PENDING_CANCEL,
    OrderState.FILLED,
    OrderState.CANCELLED,
    OrderState.REJECTED,
    OrderState.NOT_SENT,
    OrderState.NEVER_ACCEPTED,
)
SIGNS = {
    "=": MoveKind.SAME,
    ">": MoveKind.ADVANCE,
    ".": MoveKind.STALE,
    "!": MoveKind.CONTRADICTION,
}

# One row for each state on record, one column for each reported state, in the order of COLUMNS.
JUDGED = {
    OrderState.PENDING_SUBMIT: "=!! >>>> >>> !!",
    OrderState.UNKNOWN: "!=! >>>> >>> !!",
    OrderState.PRESUMED_ABSENT: "!!= >>>> >>> !!",
    OrderState.QUEUED: "!!! =>>> >>> !!",
    OrderState.CONFIRMED: "!!! .=>> >>> !!",
    OrderState.PARTIALLY_FILLED: "!!! ..=> >>> !!",
    OrderState.PENDING_CANCEL: "!!! ...= >>> !!",
    OrderState.FILLED: "!!! !!!! =!! !!",
    OrderState.CANCELLED: "!!! !!!! !=! !!",
    OrderState.REJECTED: "!!! !!!! !!= !!",
    OrderState.NOT_SENT: "!!! !!!! !!! =!",
    OrderState.NEVER_ACCEPTED: "!!! !!!! !!! !=",
}

# The edges that the store may record: wider than what a report may do, because a cancel can be refused.
LEGAL = {
    OrderState.PENDING_SUBMIT: ".x. xxxx xxx x.",
    OrderState.UNKNOWN: "..x xxxx xxx .x",
    OrderState.PRESUMED_ABSENT: "... xxxx xxx .x",
    OrderState.QUEUED: "... .xxx xxx ..",
    OrderState.CONFIRMED: "... ..xx xxx ..",
    OrderState.PARTIALLY_FILLED: "... ...x xxx ..",
    OrderState.PENDING_CANCEL: "... xxx. xxx ..",
    OrderState.FILLED: "... .... ... ..",
    OrderState.CANCELLED: "... .... ... ..",
    OrderState.REJECTED: "... .... ... ..",
    OrderState.NOT_SENT: "x.. .... ... ..",
    OrderState.NEVER_ACCEPTED: "... .... ... ..",
}


def cell(table, current, other):
    return table[current].replace(" ", "")[COLUMNS.index(other)]


@pytest.mark.parametrize("reported", OrderState)
@pytest.mark.parametrize("current", OrderState)
def test_each_report_is_judged_as_the_table_says(current, reported):
    kind = SIGNS[cell(JUDGED, current, reported)]
    kept = reported if kind is MoveKind.ADVANCE else current
    assert classify(current, reported) == Move(state=kept, kind=kind)


@pytest.mark.parametrize("following", OrderState)
@pytest.mark.parametrize("current", OrderState)
def test_each_change_is_legal_or_not_as_the_table_says(current, following):
    assert is_legal(current, following) is (cell(LEGAL, current, following) == "x")


@pytest.mark.parametrize("reported", OrderState)
@pytest.mark.parametrize("current", OrderState)
def test_what_a_report_changes_is_always_a_legal_change(current, reported):
    move = classify(current, reported)
    assert (move.state is current) is not is_legal(current, move.state)
    assert (move.kind is MoveKind.ADVANCE) is is_legal(current, move.state)


@pytest.mark.parametrize("state", OrderState)
def test_exactly_the_ends_have_no_way_out(state):
    # What was provably not sent may be sent after all, as the same order; no report does that.
    ways_out = TRANSITIONS[state] - ({OrderState.PENDING_SUBMIT} if state is OrderState.NOT_SENT else set())
    assert (ways_out == frozenset()) is state.is_terminal


def test_every_state_has_its_row():
    assert set(TRANSITIONS) == set(OrderState)


@pytest.mark.parametrize("state", [state for state in OrderState if not state.is_terminal])
def test_every_order_can_reach_an_end(state):
    assert any(following.is_terminal for following in TRANSITIONS[state])
