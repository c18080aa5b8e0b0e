"""How many shares may be sold: the rule in `test_drift`, and here the sentence that explains it."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.manager_bench import MONDAY
from trading_bot.clock import Moment
from trading_bot.order_management.sync.free_shares import HandCount, Shares, free_shares


def free(**changes: Any) -> Any:
    """What follows from 10 shares of F, or from other facts; tests compare its decimals with plain numbers."""
    why = changes.pop("not_sure_because", None)
    plain = {"symbol": "F", "expected": 10, "held": 10, "held_back": 0, "promised": 0}
    numbers: dict[str, Any] = {
        name: Decimal(each) if isinstance(each, int) else each for name, each in {**plain, **changes}.items()
    }
    return free_shares(Shares(**numbers), not_sure_because=why)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"held": None}, ["not known (it was not read)"]),
        ({"held": None, "not_sure_because": "HTTP 502"}, ["not known (HTTP 502)"]),
        ({"held": -3}, ["3 shares short", "accept-position F"]),
        ({"held": 0, "expected": 0}, ["no F is held"]),
        ({"held": 0}, ["shows 0", "explain 10", "accept-position F"]),
        ({"expected": 0}, ["shows 10", "explain 0", "accept-position F"]),
        ({}, ["shows 10, our fills explain 10; sell less"]),
        ({"held_back": 2}, ["explain 10, 2 are held back there and 0 promised to open sells; sell less"]),
        ({"promised": 4}, ["explain 10, 0 are held back there and 4 promised to open sells; sell less"]),
        ({"unknown_sell": "F order a"}, ["explain 10, the F order a placed elsewhere may sell any number; sell less"]),
    ],
    ids=str,
)
def test_a_refused_sell_is_told_the_numbers_and_the_way_out(changes, parts):
    sentence = free(**changes).in_words()
    assert [part for part in parts if part not in sentence] == []


def test_what_the_number_rests_on_is_handed_on_with_it():
    looked = Moment(at=MONDAY, mono=5.0)
    found = free(
        held=9, held_back=2, promised=3, unknown_sell="F order a", looked=looked, not_sure_because="it is too old"
    )
    assert (found.symbol, found.held, found.expected, found.held_back, found.promised) == ("F", 9, 10, 2, 3)
    assert (found.unknown_sell, found.looked, found.not_sure_because) == ("F order a", looked, "it is too old")


@pytest.mark.parametrize(("explained_now", "count"), [(40, 30), (45, 35), (35, 25)])
def test_a_count_by_hand_goes_on_with_our_fills(explained_now, count):
    counted = HandCount(held=Decimal(30), expected=Decimal(40), is_first=False)
    assert counted.carried_on(Decimal(explained_now)) == count
