"""Which test runs which line, and how long each takes: one run of all of them under coverage.

It is kept for later runs with the same sources; of those tests whose file has changed only these are run again.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest

from tests.mutation.record import digest_of
from tests.mutation.rooms import HERE

_OVERHEAD_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What an unchanged run of the tests showed."""

    seconds: dict[str, float]
    """Of each test, set-up included, in seconds of processor time."""
    failed: list[str]
    """Tests that fail without a change; they take no part."""
    tests_by_line: dict[str, dict[int, list[str]]]
    """By file below the checkout and line; lines that only an import runs are missing."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of each test file that was run."""

    def tests_of(self, path: str, lines: tuple[int, int]) -> set[str]:
        """Return the tests that run any of these lines."""
        by_line = self.tests_by_line.get(path, {})
        first, last = lines
        return {test for line in range(first, last + 1) for test in by_line.get(line, ())}


def measured(items: Sequence[pytest.Item], files: Iterable[str]) -> Baseline:
    """Run these collected tests in this process, under coverage of these files."""
    session = items[0].session
    lines = coverage.Coverage(data_file=None, config_file=False, include=[str(HERE / path) for path in files])
    lines.start()
    seconds: dict[str, float] = {}
    failed: list[str] = []
    for item, following in zip(items, [*items[1:], None], strict=True):
        lines.switch_context(item.nodeid)
        began, failures = time.process_time(), session.testsfailed
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        seconds[item.nodeid] = time.process_time() - began
        if session.testsfailed > failures:
            failed.append(item.nodeid)
    lines.stop()
    by_line = _tests_by_line(lines.get_data(), set(failed))
    return Baseline(seconds=seconds, failed=failed, tests_by_line=by_line, digests=_digests(seconds))


def stale(items: Iterable[pytest.Item], baseline: Baseline) -> list[pytest.Item]:
    """Return the tests that were not run, or whose file has changed since."""
    now = _digests(item.nodeid for item in items)
    return [item for item in items if baseline.digests.get(file := _file_of(item.nodeid)) != now[file]]


def merged(old: Baseline, new: Baseline) -> Baseline:
    """Put what was run again in the place of what it was before."""

    def stays(test: str) -> bool:
        return _file_of(test) not in new.digests

    lines = {path: dict(by_line) for path, by_line in new.tests_by_line.items()}
    for path, by_line in old.tests_by_line.items():
        for line, tests in by_line.items():
            there = lines.setdefault(path, {})
            there[line] = [*(test for test in tests if stays(test)), *there.get(line, ())]
    return Baseline(
        seconds={**{test: took for test, took in old.seconds.items() if stays(test)}, **new.seconds},
        failed=[*(test for test in old.failed if stays(test)), *new.failed],
        tests_by_line=lines,
        digests={**old.digests, **new.digests},
    )


def _file_of(test: str) -> str:
    return test.split("::", maxsplit=1)[0]


def _digests(tests: Iterable[str]) -> dict[str, str]:
    return {file: digest_of(file) for file in dict.fromkeys(_file_of(test) for test in tests)}


def _tests_by_line(data: coverage.CoverageData, failed: set[str]) -> dict[str, dict[int, list[str]]]:
    found: dict[str, dict[int, list[str]]] = {}
    for name in data.measured_files():
        path = Path(name).relative_to(HERE).as_posix()
        by_line = data.contexts_by_lineno(name)
        found[path] = {line: [test for test in tests if test and test not in failed] for line, tests in by_line.items()}
    return found


def kept(file: Path) -> Baseline | None:
    """Read a run back, or nothing if there is none."""
    if not file.exists():
        return None
    read = json.loads(file.read_text())
    names, lots = list(read["seconds"]), read["lots"]
    by_line = {
        path: {int(line): [names[test] for test in lots[lot]] for line, lot in lines.items()}
        for path, lines in read["lot_by_line"].items()
    }
    return Baseline(seconds=read["seconds"], failed=read["failed"], tests_by_line=by_line, digests=read["digests"])


def keep(file: Path, baseline: Baseline) -> None:
    """Write a run for later ones with the same sources and tests; lines that the same tests run share their list."""
    numbers = {test: number for number, test in enumerate(baseline.seconds)}
    lots: dict[tuple[int, ...], int] = {}
    lot_by_line = {
        path: {
            line: lots.setdefault(tuple(numbers[test] for test in tests), len(lots)) for line, tests in lines.items()
        }
        for path, lines in baseline.tests_by_line.items()
    }
    whole = {
        "seconds": baseline.seconds,
        "failed": baseline.failed,
        "lots": list(lots),
        "lot_by_line": lot_by_line,
        "digests": baseline.digests,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(whole))


def rarity_of(baseline: Baseline, path: str) -> dict[str, float]:
    """Return for each test how rare the lines of this file are that it runs: one line alone counts 1."""
    found: dict[str, float] = {}
    for tests in baseline.tests_by_line.get(path, {}).values():
        for test in tests:
            found[test] = found.get(test, 0.0) + 1 / len(tests)
    return found


def in_order(
    tests: Iterable[str], *, path: str, baseline: Baseline, rarity: Mapping[str, float], killers: Sequence[str] = ()
) -> list[str]:
    """Put tests in the order in which they try a mutant.

    Former killers, then the file's own tests; among others, those first that run rare lines of the file in little time.
    """
    rank = {test: place for place, test in enumerate(killers)}
    own = f"/test_{Path(path).stem}"

    def key(test: str) -> tuple[int, bool, float]:
        gain = rarity.get(test, 0.0) / (baseline.seconds.get(test, 0.0) + _OVERHEAD_S)
        return rank.get(test, len(rank)), own not in test, -gain

    return sorted(tests, key=key)


def within(tests: Sequence[str], *, baseline: Baseline, budget_s: float) -> list[str]:
    """Return the first tests that together take no longer than the budget, one at the least."""
    chosen, spent = list(tests[:1]), 0.0
    for test in tests[1:]:
        took = baseline.seconds.get(test, 0.0)
        if spent + took <= budget_s:
            chosen.append(test)
            spent += took
    return chosen
