"""What must hold after every step, judged against the stand-in's own book and the bytes on disk.

The numbers are those of the invariants in the specification; each is a function of `sim_checks` that has its number in
its name, and names what it found, never only that it did.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from tests.support.sim_checks.answers import (
    LONGEST_EXIT_S,
    SUBMIT_DEADLINE_S,
    i9_honest_answers,
    i11_mode,
    i13_single_writer,
    i14_deadlines,
    i15_whose_request,
    p2_one_exit_at_a_time,
)
from tests.support.sim_checks.journal import i12_chain, i12_memory, i12_stands, i15_confidentiality, i15_hosts
from tests.support.sim_checks.liveness import l1_settles, l2_flat, l3_no_deadlock
from tests.support.sim_checks.openness import note_troubles, p1_open_at_once, p2_sellable_in_time
from tests.support.sim_checks.register import (
    i4_no_lost_order,
    i5_no_phantom,
    i6_exposure,
    i6_limits,
    i7_fills,
    i8_lifecycle,
)
from tests.support.sim_checks.sending import (
    i1_at_most_once,
    i2_write_ahead,
    i3_kill,
    i4_fresh_view,
    i10_fidelity,
    i14_attempts,
    p2_no_shorting,
)
from tests.support.sim_checks.view import View
from tests.support.sim_world import SimWorld
from trading_bot.order_management.exceptions import OrderLogError

__all__ = ["LONGEST_EXIT_S", "SUBMIT_DEADLINE_S", "BrokenInvariantError", "Invariants"]

Check: TypeAlias = Callable[[View], Iterator[str]]

AFTER_EACH_STEP: Sequence[Check] = (
    i12_chain,
    i12_stands,
    i1_at_most_once,
    i2_write_ahead,
    i3_kill,
    i4_fresh_view,
    i4_no_lost_order,
    i5_no_phantom,
    i6_exposure,
    i6_limits,
    i7_fills,
    i8_lifecycle,
    i9_honest_answers,
    i10_fidelity,
    i11_mode,
    i12_memory,
    i13_single_writer,
    i14_attempts,
    i14_deadlines,
    i15_hosts,
    i15_whose_request,
    l3_no_deadlock,
    p2_no_shorting,
    p2_one_exit_at_a_time,
    note_troubles,
    p1_open_at_once,
    p2_sellable_in_time,
)
ONCE_SETTLED: Sequence[Check] = (l1_settles, i15_confidentiality)
AFTER_A_KILL: Sequence[Check] = (l2_flat,)


class BrokenInvariantError(AssertionError):
    """A promise of the product does not hold."""


class Invariants:
    """Remembers enough of the past to see what may never change, and judges the present."""

    def __init__(self, world: SimWorld) -> None:
        self._view = View(world)

    def check(self) -> None:
        """Raise `BrokenInvariantError` with everything that is wrong now."""
        self._raise(self._problems(()))

    def check_settled(self) -> None:
        """After the faults have stopped and some minutes of synchronising: nothing is in doubt, both sides agree."""
        if self._view.world.bot is None:
            raise BrokenInvariantError("L1 the bot does not start although all faults have ended")
        self._raise(self._problems(ONCE_SETTLED))

    def is_settled(self) -> bool:
        """Whether all that `check_settled` asks for has come true; what must hold at every step is judged as well."""
        self.check()
        return self._view.world.bot is not None and not any(True for _ in l1_settles(self._view))

    def check_flat(self) -> None:
        """After a kill at a healthy broker no order of ours can trade any more."""
        self._raise(self._problems(AFTER_A_KILL))

    @staticmethod
    def _raise(found: Iterable[str]) -> None:
        problems = list(found)
        if problems:
            raise BrokenInvariantError("\n".join(problems))

    def _problems(self, more: Sequence[Check]) -> Iterator[str]:
        view = self._view
        try:
            view.refresh()
        except OrderLogError as error:
            yield from i12_chain(view)
            yield f"I12 the journal, or what counts of it, tells an impossible story: {error}"
            return
        if view.records or view.is_rewritten:  # before the first record there is nothing to judge
            for check in (*AFTER_EACH_STEP, *more):
                yield from check(view)
