"""What positions are worth and gained, and who says what they cost."""

from decimal import Decimal
from typing import Any

import pytest

from trading_bot.risk.cost_basis import Holding
from trading_bot.risk.position_cost import CostSource, cost_of_position

TEN = Decimal(10)


def test_the_journals_cost_counts_where_it_knows_every_share():
    cost = cost_of_position(TEN, Holding(quantity=TEN, cost=Decimal(1000)), Decimal(90))
    assert cost is not None
    assert (cost.dollars == 1000, cost.source) == (True, CostSource.JOURNAL)


def test_who_says_a_cost_is_told_in_the_words_of_the_json_form():
    assert [source.value for source in CostSource] == ["journal", "broker"]


@pytest.mark.parametrize("holding", [None, Holding(quantity=Decimal(4), cost=Decimal(400))])
def test_the_brokers_average_counts_where_the_journal_does_not_know_all_shares(holding):
    cost: Any = cost_of_position(TEN, holding, Decimal("90.5"))
    assert (cost.dollars, cost.source) == (905, CostSource.BROKER)


@pytest.mark.parametrize("average", [None, Decimal(0)])
def test_no_cost_is_made_up_and_an_average_of_zero_is_none(average):
    assert cost_of_position(TEN, None, average) is None
