"""The effects a bot runs on, each of them an argument, and the machine's own."""

import os
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from trading_bot.clock import Clock, SystemClock
from trading_bot.error_handling.retry import Jitter
from trading_bot.files import FileSystem, LocalFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The effects a bot runs on; every one may be replaced."""

    clock: Clock
    files: FileSystem
    new_id: Callable[[], str]
    jitter: Jitter
    process_id: Callable[[], int]


def default_surroundings(clock: Clock | None = None) -> Surroundings:
    """Return the machine's own clock, files, environment and randomness."""
    return Surroundings(
        clock=clock or SystemClock(),
        files=LocalFiles(),
        new_id=lambda: uuid.uuid4().hex,
        jitter=lambda bound: random.uniform(0, bound),  # noqa: S311 - spreads retries, guards nothing
        process_id=os.getpid,
    )
