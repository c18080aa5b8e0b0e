"""What a canary did: one result a step."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Step(enum.StrEnum):
    """What is walked through, in this order; the kill is the last of all symbols."""

    BUY = "buy"
    REPEATED_ID = "repeated_id"
    CANCEL_RACE = "cancel_race"
    REPLACE = "replace"
    SELL = "sell"
    STOP = "stop"
    EXIT = "exit"
    KILL = "kill"


class StepOutcome(enum.StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"  # a step before it failed, or a person did not want it


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step: what was expected, and what happened."""

    step: Step
    symbol: str | None
    """None for the kill, which is the account's."""
    expected: str
    happened: str
    outcome: StepOutcome
    order_ids: tuple[str, ...] = ()
    """Client order ids."""


def has_passed(results: Sequence[StepResult]) -> bool:
    """Whether every step went as expected, the kill among them."""
    steps = {result.step for result in results}
    return steps == set(Step) and all(result.outcome is StepOutcome.OK for result in results)
