"""Try a mutant whose change takes place while its module is imported: the module is imported with it, in a fork."""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutation import baseline as base
from tests.mutation.mutant import End, Mutant, Trial
from tests.mutation.rooms import HERE
from tests.mutation.trial import in_fork, trial_of_ended

_CPU_S = 240
_WALL_S = 900


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec")


@dataclass(kw_only=True)
class _Finder(importlib.abc.MetaPathFinder):
    name: str
    file: Path
    source: str

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        package = [str(self.file.parent)] if self.file.name == "__init__.py" else None
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(fullname, str(self.file), self.source))
        spec.origin, spec.has_location, spec.submodule_search_locations = str(self.file), True, package
        return spec


@dataclass(kw_only=True, eq=False)
class _FirstFailure:
    """A pytest plugin that tells the test that failed, or the file of tests that could not be imported."""

    writing: int
    told: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.tell(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.tell(report.nodeid)

    def tell(self, name: str) -> None:
        if not self.told:
            self.told.append(name)
            os.write(self.writing, name.encode())


def try_cold(mutant: Mutant, baseline: base.Baseline, *, budget_s: float) -> Trial:
    """Import the mutant in a fork of a process that has not imported the package yet, and run these test files."""
    return _tried(mutant, mutant.make(), _lots(mutant, baseline, budget_s))


def check_that_nothing_fails_unchanged(mutant: Mutant, baseline: base.Baseline) -> None:
    """Do the same with the file as it is: if that fails, a mutant's failure would say nothing.

    Raises:
        RuntimeError: A test failed.
    """
    unchanged = _tried(mutant, (HERE / mutant.path).read_text(), _lots(mutant, baseline, 0)[:1])
    if unchanged.end is not End.SURVIVED:
        raise RuntimeError(
            f"{mutant.path} imported unchanged: {unchanged.end} {unchanged.by}; run its tests with pytest"
        )


def _tried(mutant: Mutant, source: str, lots: Sequence[Sequence[str]]) -> Trial:
    if "trading_bot" in sys.modules:
        raise RuntimeError("the package is imported already, so nothing can be imported differently")

    def work(writing: int) -> int:
        sys.meta_path.insert(0, _Finder(name=_module(mutant.path), file=HERE / mutant.path, source=source))
        return 0 if all(passes(files, writing) for files in lots) else 1

    ended = in_fork(work, cpu_s=_CPU_S, wall_s=_WALL_S)
    return trial_of_ended(mutant, ended)


def passes(files: Sequence[str], writing: int, *options: str) -> bool:
    """Run these test files until one fails, and write its name."""
    first = _FirstFailure(writing=writing)
    code = pytest.main([*files, "-x", "-q", *PYTEST_OPTIONS, *options], plugins=[first])
    if code == pytest.ExitCode.USAGE_ERROR:  # the same options did without the change, so an import failed
        first.tell("conftest.py")
    return code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


PYTEST_OPTIONS = ("-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain", "-m", "not subprocess")


def _module(path: str) -> str:
    parts = list(Path(path).relative_to("src").with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _lots(mutant: Mutant, baseline: base.Baseline, budget_s: float) -> list[list[str]]:
    """Choose test files in the order in which they try a mutant: its own, then others while the budget lasts.

    A file takes part if it runs any line of the module; if none does, the module has nothing but tables, and all do.
    """
    by_line = baseline.tests_by_line.get(mutant.path, {})
    running = {test.split("::")[0] for found in by_line.values() for test in found}
    seconds: dict[str, float] = {}
    for test, spent in baseline.seconds.items():
        name = test.split("::")[0]
        seconds[name] = seconds.get(name, 0.0) + spent
    files = base.Baseline(seconds=seconds, failed=[], tests_by_line={})
    order = base.in_order(running or seconds, path=mutant.path, baseline=files, rarity=dict.fromkeys(seconds, 1.0))
    own = [name for name in order if Path(name).stem.startswith(f"test_{Path(mutant.path).stem}")]
    others = [name for name in order if name not in own]
    return [lot for lot in (own, base.within(others, baseline=files, budget_s=budget_s)) if lot]
