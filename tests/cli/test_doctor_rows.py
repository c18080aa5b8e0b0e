"""What the doctor says of rows that cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from tests.support.account_gateway import holding
from tests.support.order_story import report
from trading_bot.checkup import Check, Finding
from trading_bot.cli.doctor_rows import live_rows
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.exceptions import AuthenticationError, OrderStatusError
from trading_bot.order_management.models import OrderId, OrderState, RefId
from trading_bot.order_management.outcomes import Listing, UnreadRow
from trading_bot.order_management.portfolio import PositionListing, UnreadPosition
from trading_bot.startup.login import LiveDoor

OURS = RefId(f"{OUR_MARK}-0000-4000-8000-000000000001")
OPEN = report(OrderState.CONFIRMED, ref_id=OURS)
THEIRS = report(OrderState.CONFIRMED, ref_id=None, order_id=OrderId("app-1"))


@dataclass
class Door:
    """Answers with these lists."""

    positions: PositionListing | OrderStatusError = PositionListing(positions=(holding("F", "50"),))  # noqa: RUF009 - frozen
    orders: Listing = field(default_factory=lambda: Listing(reports=(OPEN, THEIRS), complete=True, has_all_pages=True))
    session: AuthenticationError | None = None

    def resume(self) -> None:
        if self.session is not None:
            raise self.session

    def read_positions(self) -> PositionListing:
        if isinstance(self.positions, OrderStatusError):
            raise self.positions
        return self.positions

    def read_open_orders(self) -> Listing:
        return self.orders


def checks(door: Door) -> list[Check]:
    found: Iterator[Check] = live_rows(lambda: cast("LiveDoor", door))
    return list(found)


def test_lists_that_can_be_read_are_well_and_say_what_is_placed_elsewhere():
    positions, orders = checks(Door())
    assert (positions.finding, positions.detail) == (Finding.OK, "1 can be read")
    assert (orders.finding, orders.detail) == (Finding.OK, "2 can be read, 1 of them placed elsewhere")


def test_a_position_that_cannot_be_read_is_named_with_its_reason():
    row = UnreadPosition(name="I2", problem="HTTP 404", instrument_id="I2")
    (check, _) = checks(Door(positions=PositionListing(positions=(), unread=(row,))))
    assert (check.finding, check.detail) == (
        Finding.WARNING,
        "0 can be read; not understood: I2 (HTTP 404) is neither bought nor sold",
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (UnreadRow(problem="quantity: null", order_id=OrderId("app-2"), symbol="NVDA"), "order app-2 in NVDA"),
        (UnreadRow(problem="quantity: null", instrument_id="I9"), "order without an id in I9"),
        (UnreadRow(problem="quantity: null"), "order without an id in an unknown instrument"),
    ],
)
def test_an_order_that_cannot_be_read_is_named_with_what_it_holds_up(row, said):
    (_, check) = checks(Door(orders=Listing(reports=(), complete=False, has_all_pages=True, unread=(row,))))
    assert check.finding is Finding.WARNING
    assert f"{said} (quantity: null) holds up purchases of that symbol" in check.detail


def test_lists_that_cannot_be_read_at_all_are_failures():
    positions, orders = checks(
        Door(
            positions=OrderStatusError("HTTP 502; try again"),
            orders=Listing(reports=(), complete=False, problem="page 2 failed"),
        )
    )
    assert (positions.finding, positions.detail) == (Finding.FAILED, "HTTP 502; try again")
    assert (orders.finding, orders.detail) == (Finding.FAILED, "page 2 failed; nothing was concluded")


def test_without_a_session_nothing_is_asked():
    found = checks(Door(session=AuthenticationError("nobody is logged in")))
    assert [(check.name, check.finding) for check in found] == [
        ("positions", Finding.SKIPPED),
        ("open orders", Finding.SKIPPED),
    ]
