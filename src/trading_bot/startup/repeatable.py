"""Surroundings whose run repeats exactly, for an account that is thrown away."""

import itertools
import os

from trading_bot.clock import Clock
from trading_bot.files import LocalFiles
from trading_bot.paper.chance import stable_uuid
from trading_bot.startup.surroundings import Surroundings


def repeatable_surroundings(clock: Clock, *, seed: int) -> Surroundings:
    """Return surroundings for a throw-away account whose run repeats exactly: ids follow from ``seed``, no jitter.

    The paper exchange draws its delays from the ids of orders, so random ids would give other fills each time.
    """
    numbers = itertools.count()
    return Surroundings(
        clock=clock,
        files=LocalFiles(),
        new_id=lambda: stable_uuid(seed, "run", next(numbers)).replace("-", ""),
        jitter=lambda _bound: 0.0,
        process_id=os.getpid,
        is_durable=False,
    )
