"""Some thousand ambiguous submits, and the checks on trial. A million: ``python -m tests.simulation.ambiguous``."""

import json
from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.simulation.ambiguous.__main__ import main
from tests.simulation.ambiguous.checks import Broken, breaches
from tests.simulation.ambiguous.figures import Figures, lived
from tests.simulation.ambiguous.life import ANSWERS, AmbiguousLife
from tests.simulation.ambiguous.troubles import PLACES, name_of, troubles_of
from trading_bot.agent import orders as agent_orders
from trading_bot.order_management import gateways
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.outcomes import NotSent, Rejected, SubmitOutcome, Unknown
from trading_bot.order_management.sync import synchronizer
from trading_bot.order_management.sync.search import AbsenceSearch

pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(600)]  # all submits happen within one test

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]
LIVES = range(4 * len(PLACES))


@pytest.fixture(scope="module")
def figures() -> Figures:
    return lived(LIVES)


def test_no_ambiguous_submit_breaks_a_promise(figures):
    assert [str(each) for each in figures.failed] == []
    assert figures.submits >= 2000


def test_every_trouble_strikes_at_every_place(figures):
    struck = {(place, trouble) for place, trouble, _ in figures.cells}
    assert {(str(place), name_of(trouble)) for place in PLACES for trouble in troubles_of(place)} - struck == set()


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_is_given(figures, answer):
    assert figures.total(answer) > 0


def test_the_runner_keeps_its_figures(tmp_path, capsys):
    """The guarantees quote them."""
    assert (
        main(["--submits", "1", "--workers", "1", "--batch", "1", "--figures", str(tmp_path / "new" / "kept.json")])
        == 0
    )
    kept = json.loads((tmp_path / "new" / "kept.json").read_text())
    assert kept["violations"] == 0
    assert kept["count"] > 0
    assert all(len(row) == len(kept["columns"]) for row in kept["rows"])
    assert "0 a duplicate at the broker" in capsys.readouterr().out


def test_a_run_without_a_submit_is_no_good_run():
    assert main(["--submits", "0", "--workers", "1", "--batch", "1"]) == 1


def test_an_order_that_the_broker_denies_having_taken_is_no_broken_promise_and_an_anomaly_on_record():
    """HTTP 429, after which no time was left to send again: design says that it was not sent."""
    life = AmbiguousLife(seed=9685 // len(PLACES), place=PLACES[9685 % len(PLACES)])
    life.live()
    [denied] = [order for order in life.known() if order.client_order_id == "c32"]
    assert denied.state is OrderState.NOT_SENT
    assert [anomaly.kind for anomaly in denied.anomalies] == [AnomalyKind.AFTER_ITS_END]
    assert list(breaches(life)) == []


# The checks on trial.


def test_a_life_that_an_error_ends_is_a_breach_and_the_next_is_lived(monkeypatch):
    monkeypatch.setattr(synchronizer.Synchronizer, "run", lambda *_, **__: 1 / 0)
    failed = lived(range(2)).failed
    assert [each.life for each in failed if each.breach.what is Broken.ENDED] == [0, 1]


def _taken_for(wrong: Callable[[], SubmitOutcome]) -> Plant:
    """Take a submit whose outcome is unknown for one that ended otherwise, on either wire."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        for module in (gateways, agent_orders):
            real = vars(module)["classify_submit"]
            patch.setattr(module, "classify_submit", lambda *a, real=real, **k: _changed(real(*a, **k), wrong))

    return plant


def _changed(outcome: SubmitOutcome, wrong: Callable[[], SubmitOutcome]) -> SubmitOutcome:
    return wrong() if isinstance(outcome, Unknown) else outcome


def _no_absence_is_concluded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AbsenceSearch, "conclude", lambda *_: iter(()))


def _fills_are_not_booked(patch: pytest.MonkeyPatch) -> None:
    real = vars(synchronizer)["reconcile"]

    def reconcile(*args, **named):
        return tuple(event for event in real(*args, **named) if event.event is not EventKind.EXECUTION_BOOKED)

    patch.setattr(synchronizer, "reconcile", reconcile)


def _ended_orders_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    real = OrderBook.orders
    patch.setattr(OrderBook, "orders", lambda book: [order for order in real(book) if not order.state.is_terminal])


PLANTED = {
    "an unknown outcome is sent again": (_taken_for(lambda: NotSent(cause="x", may_retry=True)), Broken.DUPLICATE),
    "an unknown outcome is called rejected": (_taken_for(lambda: Rejected(reason="x", status_code=500)), Broken.DENIED),
    "an unknown outcome is called not sent": (_taken_for(lambda: NotSent(cause="x", may_retry=False)), Broken.DENIED),
    "an unknown outcome is called halted": (
        _taken_for(lambda: NotSent(cause="x", may_retry=False, refused_by="latch")),
        Broken.DENIED,
    ),
    "orders are forgotten once they have ended": (_ended_orders_are_forgotten, Broken.FORGOTTEN),
    "no list ends a doubt": (_no_absence_is_concluded, Broken.LEFT),
    "fills are not booked": (_fills_are_not_booked, Broken.UNTRUE),
}


@pytest.mark.parametrize("bug", PLANTED)
@pytest.mark.parametrize("wire", ["private", "agent"])
def test_a_planted_bug_is_found(bug, wire, monkeypatch):
    plant, broken = PLANTED[bug]
    plant(monkeypatch)
    for number in (number for number in LIVES if str(PLACES[number % len(PLACES)]) == f"{wire}, accept_again"):
        if any(failed.breach.what is broken for failed in lived([number]).failed):
            return
    pytest.fail(f"not found: {bug}")
