"""However often the process dies, no plan is lost, and no plan sells more than its shares."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mortal import DiedError, Life
from tests.support.protection_bench import ProtectionBench
from trading_bot.order_management.models import OrderState

SHARES = 40
DOUBT = {OrderState.UNKNOWN, OrderState.PRESUMED_ABSENT}
"""An order that was about to be sent when the process died: its shares are promised until that is known."""

steps = st.lists(
    st.tuples(
        st.sampled_from(["100", "96", "94", "94", "112", "112"]),
        st.sampled_from([0, 10, 1_000]),
        st.sampled_from([0, 15, 1_000]),
        st.sampled_from([1.0, 2.0, 5.0, 70.0]),
        st.one_of(st.none(), st.integers(1, 12)),
    ),
    min_size=1,
    max_size=10,
)


def live(bench: ProtectionBench, sequence) -> None:
    for price, stop_fills, exit_fills, seconds, dies_in in sequence:
        if dies_in is not None:
            bench.life.die_in(dies_in)
        with suppress(DiedError):
            bench.price(price, stop_fills=stop_fills)
            bench.exit_fills = exit_fills
            bench.follow(seconds)
        bench.life.die_at, bench.life.is_over = None, False
        if dies_in is not None:
            bench.restart()
            bench.manager.recover()
        assert bench.sold <= SHARES
        plans = bench.protection.shown()
        assert len(plans) == 1 or bench.sold == SHARES, "the plan is lost"


@settings(max_examples=60, deadline=None)
@given(steps)
def test_no_restart_loses_a_plan_and_none_sells_more_than_its_shares(sequence):
    bench = ProtectionBench(life=Life())
    bench.protect(SHARES, stop=95, target=110)
    live(bench, sequence)


def test_the_plan_goes_on_wherever_the_process_dies_while_it_fires():
    """The same day for every commit in it: the process dies there, and the next one sells the rest."""
    for die_at in range(1, 60):
        bench = ProtectionBench(life=Life())
        bench.protect(SHARES, stop=95, target=110)
        bench.price("112")
        bench.follow()
        bench.life.die_in(die_at)
        with suppress(DiedError):
            bench.follow()
        was_alive = not bench.life.is_over
        bench.life.die_at, bench.life.is_over = None, False
        bench.restart()
        bench.manager.recover()
        for _ in range(6):
            bench.follow(30)
        in_doubt = [order for order in bench.manager.orders() if order.state in DOUBT]
        assert bench.sold == (0 if in_doubt else SHARES), die_at
        assert len(bench.protection.shown()) == len(in_doubt)
        if was_alive:
            break
    else:
        raise AssertionError("the day has more commits than this")
