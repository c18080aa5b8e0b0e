"""What is drawn, how a mutant's end is read, and what is kept."""

import os
import signal
from pathlib import Path

import pytest

from tests.mutation.baseline import Baseline, in_order, keep, kept, merged, rarity_of, within
from tests.mutation.cold import passes
from tests.mutation.drawing import drawn
from tests.mutation.mutant import End, Mutant
from tests.mutation.trial import Ended, end_of, in_fork

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def _mutant(number: int, path: str = "a.py") -> Mutant:
    return Mutant(
        path=path, function="f", before=f"x{number}", after="None", nth=1, lines=(number, number), make=lambda: ""
    )


def test_a_seed_draws_the_same_mutants_again_and_another_seed_others():
    all_of_them = [_mutant(number) for number in range(200)]
    first, again, other = (drawn(all_of_them, seed=seed, count=20) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(other) == 20


def test_a_change_in_another_file_draws_no_other_mutants():
    """Otherwise every edit would call for new reasons of everything that survives."""
    here = [_mutant(number) for number in range(50)]
    there = [_mutant(number, path="b.py") for number in range(50)]
    before = drawn([*here, *there], seed=1, count=20)
    after = drawn([*here, _mutant(999, path="b.py"), *there], seed=1, count=20)
    assert len({each.identity for each in before} - {each.identity for each in after}) <= 1


def test_a_mutant_keeps_its_identity_when_lines_above_it_move():
    moved = Mutant(path="a.py", function="f", before="x1", after="None", nth=1, lines=(80, 81), make=lambda: "")
    assert moved.identity == _mutant(1).identity


@pytest.mark.parametrize(
    ("code", "told", "end"),
    [
        (0, "", End.SURVIVED),
        (1, "tests/test_a.py::test_b", End.KILLED),
        (1, "", End.NOT_TRIED),
        (4, "KeyError('f')", End.NOT_TRIED),
        (-signal.SIGSEGV, "", End.KILLED),
        (-signal.SIGTERM, "", End.NOT_TRIED),
        (-signal.SIGXCPU, "", End.TIMED_OUT),
        (-signal.SIGKILL, "", End.TIMED_OUT),
    ],
)
def test_a_mutant_is_killed_by_a_test_with_a_name_or_by_a_crash(code: int, told: str, end: End):
    assert end_of(Ended(code=code, told=told, seconds=1)) is end


def test_a_fork_that_raises_tells_what():
    def work(_: int) -> int:
        raise KeyError("f")

    ended = in_fork(work, cpu_s=60, wall_s=60)
    assert (end_of(ended), ended.told) == (End.NOT_TRIED, "KeyError('f')")


def test_a_fork_tells_its_exit_code_and_what_it_wrote():
    def work(writing: int) -> int:
        os.write(writing, b"tests/test_a.py::test_b")
        return 1

    ended = in_fork(work, cpu_s=5, wall_s=30)
    assert (ended.code, ended.told) == (1, "tests/test_a.py::test_b")


@pytest.mark.parametrize(
    ("conftest", "test", "told"),
    [
        ("", "def test_b(): pass", ""),
        ("", "def test_b(): raise ValueError", "test_a.py::test_b"),
        ("", "import no_such_module", "test_a.py"),
        ("import no_such_module", "def test_b(): pass", "conftest.py"),
    ],
    ids=["nothing", "a test", "the import of a test", "the import of a conftest"],
)
def test_what_an_import_breaks_is_told_by_its_name(conftest: str, test: str, told: str, tmp_path: Path):
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_a.py").write_text(test)
    (tmp_path / "none.ini").write_text("[pytest]")
    options = (f"--rootdir={tmp_path}", f"-c{tmp_path / 'none.ini'}", "-p", "no:randomly")

    def work(writing: int) -> int:
        return 0 if passes([str(tmp_path / "test_a.py")], writing, *options) else 1

    ended = in_fork(work, cpu_s=30, wall_s=120)
    assert ended.told == told
    assert end_of(ended) is (End.KILLED if told else End.SURVIVED)


def test_a_fork_that_waits_for_ever_is_ended():
    def work(writing: int) -> int:
        signal.pause()
        return writing

    assert end_of(in_fork(work, cpu_s=5, wall_s=0.05)) is End.TIMED_OUT


def _baseline() -> Baseline:
    return Baseline(
        seconds={"t/test_b.py::slow": 2.0, "t/test_b.py::quick": 0.1, "t/test_a.py::own": 1.0},
        failed=[],
        tests_by_line={"src/a.py": {3: ["t/test_b.py::slow"], 4: ["t/test_a.py::own", "t/test_b.py::quick"]}},
        digests={"t/test_a.py": "1", "t/test_b.py": "1"},
    )


def test_former_killers_go_first_then_the_files_own_tests_then_those_that_run_rare_lines():
    baseline = Baseline(
        seconds={
            "t/test_b.py::killer": 2.0,
            "t/test_b.py::quick": 0.1,
            "t/test_b.py::rare": 0.2,
            "t/test_a.py::own": 1,
        },
        failed=[],
        tests_by_line={"src/a.py": {3: ["t/test_b.py::quick", "t/test_b.py::killer"], 4: ["t/test_b.py::rare"]}},
    )
    rarity = rarity_of(baseline, "src/a.py")
    assert rarity == {"t/test_b.py::quick": 0.5, "t/test_b.py::killer": 0.5, "t/test_b.py::rare": 1}
    order = in_order(
        baseline.seconds, path="src/a.py", baseline=baseline, rarity=rarity, killers=["t/test_b.py::killer"]
    )
    assert order == ["t/test_b.py::killer", "t/test_a.py::own", "t/test_b.py::rare", "t/test_b.py::quick"]


def test_the_tests_of_a_mutant_stay_within_their_budget_and_one_runs_always():
    order = ["t/test_b.py::slow", "t/test_a.py::own", "t/test_b.py::quick"]
    assert within(order, baseline=_baseline(), budget_s=0) == order[:1]
    assert within(order, baseline=_baseline(), budget_s=0.5) == [order[0], order[2]]
    assert within(order, baseline=_baseline(), budget_s=5) == order


def test_the_tests_of_a_statement_are_those_of_all_its_lines():
    assert _baseline().tests_of("src/a.py", (3, 4)) == set(_baseline().seconds)
    assert _baseline().tests_of("src/a.py", (3, 3)) == {"t/test_b.py::slow"}
    assert _baseline().tests_of("src/other.py", (3, 3)) == set()


def test_what_is_run_again_takes_the_place_of_what_it_was():
    again = Baseline(
        seconds={"t/test_b.py::new": 0.2},
        failed=[],
        tests_by_line={"src/a.py": {4: ["t/test_b.py::new"], 9: ["t/test_b.py::new"]}},
        digests={"t/test_b.py": "now"},
    )
    both = merged(_baseline(), again)
    assert both.seconds == {"t/test_a.py::own": 1.0, "t/test_b.py::new": 0.2}
    assert both.tests_by_line == {
        "src/a.py": {3: [], 4: ["t/test_a.py::own", "t/test_b.py::new"], 9: ["t/test_b.py::new"]}
    }
    assert both.digests == {"t/test_a.py": "1", "t/test_b.py": "now"}


def test_which_test_runs_which_line_is_kept_for_the_next_run(tmp_path):
    keep(tmp_path / "lines.json", _baseline())
    assert kept(tmp_path / "lines.json") == _baseline()
    assert kept(tmp_path / "none.json") is None
