import logging

import pytest

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import level_of


@pytest.mark.parametrize(
    ("invocation", "level"),
    [
        (Invocation(), logging.WARNING),
        (Invocation(verbose=1), logging.INFO),
        (Invocation(verbose=2), logging.DEBUG),
        (Invocation(verbose=9), logging.DEBUG),
        (Invocation(quiet=True, verbose=2), logging.ERROR),
    ],
)
def test_each_v_says_more_and_quiet_leaves_the_errors(invocation, level):
    assert level_of(invocation) == level
