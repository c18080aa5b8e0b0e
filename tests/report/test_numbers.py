from datetime import timedelta
from decimal import Decimal

import pytest

from trading_bot.report.numbers import bps, percentile, ratio, seconds, whole_bps


def test_basis_points_are_of_the_whole_and_of_nothing_unknown():
    assert bps(Decimal("0.15"), Decimal(100)) == 15
    assert bps(Decimal(1), Decimal(0)) is None
    assert ratio(Decimal(1), Decimal(4)) == Decimal("0.25")
    assert ratio(Decimal(1), Decimal(0)) is None


@pytest.mark.parametrize(
    ("per_cent", "found"), [(1, 10), (25, 10), (26, 20), (50, 20), (75, 30), (76, 40), (99, 40), (100, 40)]
)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(per_cent, found):
    assert percentile(map(Decimal, (40, 10, 30, 20)), per_cent) == found


def test_the_percentile_of_nothing_is_unknown():
    assert percentile([], 50) is None


def test_an_offset_is_put_to_the_nearest_whole_basis_point():
    assert [whole_bps(Decimal(text)) for text in ("14.9", "15.2", "-8.4", "2.5", "3.5")] == [15, 15, -8, 2, 4]


def test_a_span_in_seconds_is_exact():
    assert str(seconds(timedelta(days=1, microseconds=1))) == "86400.000001"
