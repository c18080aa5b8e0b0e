"""An account in one value: the broker's worth, else what can be added up, else None."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.account_gateway import AS_OF, holding, quote, snapshot
from tests.support.risk_bench import RESULTS
from trading_bot.account_summary import AccountSummary, EquitySource, summarised
from trading_bot.order_management.portfolio import Bar, Position, UnreadPosition
from trading_bot.order_management.sync.account_view import ShownPosition, ShownPositions
from trading_bot.order_management.sync.free_shares import Shares, free_shares


def shown(symbol: str, position: Position | None) -> ShownPosition:
    held = Decimal(0) if position is None else position.quantity
    shares = Shares(symbol=symbol, expected=held, held=held, held_back=Decimal(0), promised=Decimal(0))
    return ShownPosition(
        symbol=symbol,
        symbol_was=None,
        instrument_id=None,
        position=position,
        expected=held,
        free=free_shares(shares, not_sure_because=None),
    )


HELD = ShownPositions(positions=(shown("AAPL", holding("AAPL", "10")), shown("GONE", None)), unread=())


def summary(**changes: object) -> AccountSummary:
    parts: dict[str, object] = {
        "broker_equity": None,
        "held": HELD,
        "quotes": {"AAPL": quote("AAPL", "100")},
        "results": RESULTS,
        "problems": (),
    }
    account = changes.pop("account", replace(snapshot(), cash=Decimal(400), portfolio_cash=Decimal(500)))
    return summarised(account, **(parts | changes))  # type: ignore[arg-type]  # the parts of the test


def test_the_brokers_own_worth_comes_first():
    got = summary(broker_equity=Decimal(7))
    assert (got.equity, got.equity_from) == (Decimal(7), EquitySource.BROKER)


def test_else_cash_and_shares_are_added_up():
    got = summary()
    assert (got.equity, got.equity_from) == (Decimal(1500), EquitySource.QUOTES)


@pytest.mark.parametrize(
    "missing",
    [
        {"held": None},
        {"quotes": {}},
        {"quotes": {"AAPL": replace(quote("AAPL", "0"), last_price=None)}},
        {"account": replace(snapshot(), cash=Decimal(500))},
        {"held": replace(HELD, unread=(UnreadPosition(name="row 3", problem="cannot be read"),))},
    ],
    ids=["positions", "a quote", "a price", "the money that open orders hold", "a row"],
)
def test_else_the_worth_is_not_known(missing):
    got = summary(**missing)
    assert (got.equity, got.equity_from) == (None, None)


def test_cash_is_all_of_the_accounts_own_where_the_broker_says_so():
    account = replace(snapshot(), cash=Decimal(1), portfolio_cash=Decimal(3))
    assert summary(account=account).cash == 3
    assert summary(account=replace(account, portfolio_cash=None)).cash == 1


def test_shares_that_the_journal_did_not_buy_are_of_unknown_cost():
    assert summary().unknown_cost == ()
    more = replace(HELD, positions=(shown("AAPL", holding("AAPL", "11")), shown("GIFT", holding("GIFT", "1"))))
    assert summary(held=more).unknown_cost == ("AAPL", "GIFT")


GIFT = replace(HELD, positions=(shown("GIFT", holding("GIFT", "1")),))


@pytest.mark.parametrize(
    "held",
    [GIFT, None, ShownPositions(positions=(), unread=(UnreadPosition(name="row 3", problem="cannot be read"),))],
    ids=["shares of unknown cost alone", "positions that were not read", "a position that cannot be read"],
)
def test_where_no_share_has_a_known_cost_no_gain_is_made_up(held):
    zero = replace(RESULTS, unrealised=Decimal(0), unrealised_today=Decimal(0), unmarked=(), known_shares={})
    got = summary(held=held, results=zero)
    assert (got.unrealised, got.unrealised_today) == (None, None)
    nothing = summary(held=ShownPositions(positions=(), unread=()), results=zero)
    assert (nothing.unrealised, nothing.unrealised_today) == (Decimal(0), Decimal(0))
    some = summary(held=held)
    assert (some.unrealised, some.unrealised_today) == (RESULTS.unrealised, RESULTS.unrealised_today)


def test_a_position_that_cannot_be_read_is_a_problem_of_its_own():
    row = UnreadPosition(name="row 3", problem="cannot be read: quantity")
    got = summary(held=replace(HELD, unread=(row,)), problems=("reading quotes: no",))
    assert got.problems == ("reading quotes: no", "position row 3: cannot be read: quantity")


def test_a_shown_position_answers_for_what_the_broker_does_not_show():
    held, gone = HELD.positions
    assert (held.quantity, held.average_buy_price) == (Decimal(10), Decimal(100))
    assert (gone.quantity, gone.average_buy_price) == (Decimal(0), None)


BAR = Bar(begins_at=AS_OF, open=Decimal("1.10"), high=Decimal(2), low=Decimal(1), close=Decimal("1E+0"), volume=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"low": Decimal(0)},
        {"high": Decimal(1)},
        {"volume": -1},
        {"close": Decimal(3)},
        {"begins_at": AS_OF.replace(tzinfo=None)},
    ],
    ids=repr,
)
def test_a_bar_that_contradicts_itself_cannot_be(changes):
    with pytest.raises(ValueError, match=r"zone|prices|volume"):
        replace(BAR, **changes)
