"""A mutant is tried by the tests that run its lines, and its end is kept. None of this needs what makes mutants."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.mutation.baseline import Baseline
from tests.mutation.code_swap import functions_by_place
from tests.mutation.figures import figures_of
from tests.mutation.mutant import End, Mutant, Trial
from tests.mutation.record import Record
from tests.mutation.rooms import HERE, rooms, rooms_of
from tests.mutation.trial import Trials, trial_of
from trading_bot.order_management.calculator import tick_size

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

_PATH = "src/trading_bot/order_management/calculator.py"
_SOURCE = (HERE / _PATH).read_text()
_OLD = "if price >= _ONE_DOLLAR else"
_LINE = _SOURCE[: _SOURCE.index(_OLD)].count("\n") + 1


def _mutant(before: str = _OLD, after: str = "if price > _ONE_DOLLAR else", line: int = _LINE) -> Mutant:
    assert before in _SOURCE
    changed = _SOURCE.replace(before, after, 1)
    return Mutant(path=_PATH, function="f", before=before, after=after, nth=1, lines=(line, line), make=lambda: changed)


@dataclass
class _Item:
    """A collected test, as far as a trial uses one."""

    nodeid: str
    check: Callable[[], bool]
    session: Any = field(default_factory=lambda: SimpleNamespace(testsfailed=0, items=[]))

    @property
    def ihook(self) -> Any:
        return self

    def pytest_runtest_protocol(self, *, item: "_Item", nextitem: object) -> None:
        self.session.testsfailed += not self.check()


def _at_a_dollar() -> bool:
    return tick_size(Decimal(1)) == Decimal("0.01")


def _above_a_dollar() -> bool:
    return tick_size(Decimal(2)) == Decimal("0.01")


def _tried(mutant: Mutant, *checks: Callable[[], bool], lines: tuple[int, ...] = (_LINE,)) -> tuple[list[Trial], int]:
    """Try one mutant against these tests; return what is recorded, and how many wait for an import of their own."""
    session = SimpleNamespace(testsfailed=0, items=[])
    items: dict[str, Any] = {
        f"t/test_a.py::{check.__name__}": _Item(f"t/test_a.py::{check.__name__}", check, session) for check in checks
    }
    baseline = Baseline(
        seconds=dict.fromkeys(items, 0.01), failed=[], tests_by_line={_PATH: {line: list(items) for line in lines}}
    )
    found: list[Trial] = []
    trials = Trials(
        mutants=[mutant],
        files=[_PATH],
        kept=Path("unused"),
        record=lambda _, trial: found.append(trial),
        until=time.monotonic() + 60,
        budget_s=5,
    )
    trials._try(mutant, baseline, functions_by_place([str(HERE / _PATH)]), items)
    return found, len(trials.cold)


def test_a_mutant_dies_of_the_test_that_fails_with_it_and_this_process_keeps_its_own_code():
    ([trial], _) = _tried(_mutant(), _above_a_dollar, _at_a_dollar)
    assert (trial.end, trial.by) == (End.KILLED, "t/test_a.py::_at_a_dollar")
    assert _at_a_dollar()


def test_a_mutant_that_no_test_notices_survives():
    ([trial], _) = _tried(_mutant(), _above_a_dollar)
    assert (trial.end, trial.by) == (End.SURVIVED, "")


def test_a_mutant_whose_trial_breaks_before_a_test_tells_anything_is_not_tried(capsys: pytest.CaptureFixture[str]):
    def broken() -> bool:
        raise LookupError("no such fixture")

    ([trial], _) = _tried(_mutant(), broken)
    assert (trial.end, trial.by) == (End.NOT_TRIED, "")
    assert "LookupError('no such fixture')" in capsys.readouterr().err


def test_a_mutant_whose_line_no_test_runs_is_told_apart():
    ([trial], _) = _tried(_mutant(), _at_a_dollar, lines=(_LINE + 1,))
    assert trial.end is End.NOT_RUN


@pytest.mark.parametrize("after", [f"{_OLD}  # the same", "if price >= ("], ids=["the same code", "no code at all"])
def test_what_compiles_to_the_same_or_to_nothing_is_no_mutant(after: str):
    ([trial], _) = _tried(_mutant(after=after), _at_a_dollar)
    assert trial.end is End.SAME


def test_what_an_import_decides_waits_for_an_import_of_its_own():
    constant = next(line for line in _SOURCE.splitlines() if line.startswith("_ONE_DOLLAR"))
    assert _tried(_mutant(constant, "_ONE_DOLLAR = Decimal(3)"), _at_a_dollar) == ([], 1)


def test_the_last_end_of_a_mutant_counts_and_a_new_run_sees_only_its_own(tmp_path):
    record, mutant = Record("calculator", tmp_path / "records"), _mutant()
    assert record.of([mutant]) == {}
    record.add(mutant, trial_of(mutant, End.SURVIVED))
    record.add(mutant, trial_of(mutant, End.KILLED, by="t/test_a.py::test_b", seconds=1.234))
    (trial,) = record.of([mutant]).values()
    assert (trial.end, trial.by, trial.seconds, trial.line) == (End.KILLED, "t/test_a.py::test_b", 1.23, _LINE)
    assert record.of([mutant], since=time.time() + 60) == {}
    assert record.of([_mutant(after="if price < _ONE_DOLLAR else")]) == {}


def test_what_was_found_in_a_file_that_has_changed_since_counts_no_more(tmp_path):
    record, mutant = Record("calculator", tmp_path), _mutant()
    record.add(mutant, trial_of(mutant, End.KILLED))
    kept = tmp_path / "calculator.jsonl"
    (trial,) = record.of([mutant]).values()
    kept.write_text(kept.read_text().replace(trial.digest, "of another"))
    assert record.of([mutant]) == {}


def test_the_figures_count_each_end_once_and_leave_out_what_is_no_mutant():
    drawn = [_mutant(after=f"if price == {number} else") for number in range(8)]
    ends = [End.KILLED, End.KILLED, End.TIMED_OUT, End.SURVIVED, End.NOT_RUN, End.SAME, End.NOT_TRIED]
    trials = {mutant.identity: trial_of(mutant, end, seconds=600) for mutant, end in zip(drawn, ends, strict=False)}
    figures = figures_of(rooms()["calculator"], possible=20, drawn=drawn, trials=trials, seed=1)
    assert (figures.count, figures.possible, figures.same, figures.not_tried) == (5, 20, 1, 2)
    assert (figures.killed, figures.timed_out, figures.hours) == (2, 1, 1.0)
    assert [one.end for one in figures.survivors] == ["survived", "not run"]


def test_a_mutant_is_told_in_one_line_that_shows_where_two_long_texts_differ():
    same = "x" * 300
    short, long = (
        _told(before, after) for before, after in (("a < b", "a <= b"), (f"{same}1{same}", f"{same}2{same}"))
    )
    assert short == "a.py: module: a < b -> a <= b"
    assert ("1xxx" in long, "2xxx" in long, len(long) < 400) == (True, True, True)


def _told(before: str, after: str) -> str:
    return Mutant(path="a.py", function="", before=before, after=after, nth=1, lines=(1, 1), make=str).told


def test_changed_files_of_a_room_are_tried_by_its_tests_and_others_by_those_beside_them():
    gate = "src/trading_bot/safety_checks.py"
    beside, unknown = "src/trading_bot/config/loader.py", "src/trading_bot/nothing_like_it/reader.py"
    found = {lot.tests: lot.files for lot in rooms_of([_PATH, gate, beside, unknown])}
    assert found == {
        ("tests/order_management",): (_PATH,),
        rooms()["gate"].tests: (gate,),
        ("tests/config",): (beside,),
    }


def test_a_file_that_has_no_folder_is_tried_by_the_tests_with_its_name():
    (lot,) = rooms_of(["src/trading_bot/clock.py"])
    assert lot.tests == ("tests/trading_bot/test_clock.py",)
