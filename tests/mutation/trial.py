"""Try mutants in forks of one process that has collected the tests."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

import pytest

from tests.mutation import baseline as base
from tests.mutation.code_swap import Change, NotSwappableError, Place, changes, functions_by_place, swap
from tests.mutation.mutant import End, Mutant, Trial
from tests.mutation.rooms import HERE

_SPARE_CPU_S = 3
_SPARE_WALL_S = 30
_TIMES = 4

_FAILED = 1
_NOT_FOUND = 3
_RAISED = 4
_CRASHES = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL}
"""What a mutant can do to the process that runs it; any other signal came from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a forked process ended, and what it wrote."""

    code: int
    """Its exit code; below zero the signal that ended it."""
    told: str
    """The test that failed, or what was raised instead of a result."""
    seconds: float


def in_fork(work: Callable[[int], int], *, cpu_s: float, wall_s: float) -> Ended:
    """Run ``work`` in a fork within these seconds; it gets a file to write to, and returns the exit code."""
    reading, writing = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_the_child(work, writing, cpu_s)
    os.close(writing)
    status = _waited(pid, began + wall_s)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode(errors="replace")
    return Ended(code=os.waitstatus_to_exitcode(status), told=told, seconds=time.monotonic() - began)


def _be_the_child(work: Callable[[int], int], writing: int, cpu_s: float) -> None:
    code = _RAISED
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(silence, stream)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + cpu_s) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        code = work(writing)
    except BaseException as error:  # noqa: BLE001 - nothing may get out of a fork but its exit code
        os.write(writing, f"{error!r:.500}".encode(errors="replace"))
    finally:
        os._exit(code)


def _waited(pid: int, deadline: float) -> int:
    """Wait for a child; one that is late is ended."""
    pause = 0.002
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1]
        time.sleep(pause)
        pause = min(0.05, pause * 1.5)


@dataclass(kw_only=True)
class Trials:
    """A pytest plugin: instead of the tests, it runs the mutants."""

    mutants: Sequence[Mutant]
    files: Sequence[str]
    kept: Path
    record: Callable[[Mutant, Trial], None]
    until: float
    """When to stop, by the monotonic clock."""
    budget_s: float
    """What the tests of one mutant may take together, in seconds of processor time without a change."""
    cold: list[Mutant] = field(default_factory=list)
    """Those that take place while a module is imported."""
    _killers: dict[str, list[str]] = field(default_factory=dict)
    _rarity: dict[str, dict[str, float]] = field(default_factory=dict)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try every mutant against the collected tests."""
        session.config.pluginmanager.unregister(name="terminalreporter")
        baseline = self._measured(session.items)
        self._tell(baseline)
        functions = functions_by_place(str(HERE / path) for path in self.files)
        items = {item.nodeid: item for item in session.items}
        for mutant in self.mutants:
            if time.monotonic() > self.until:
                break
            self._try(mutant, baseline, functions, items)
        return True

    def _measured(self, items: Sequence[pytest.Item]) -> base.Baseline:
        nothing = base.Baseline(seconds={}, failed=[], tests_by_line={})
        known = base.kept(self.kept) or nothing
        left = base.stale(items, known)

        def work(_: int) -> int:
            base.keep(self.kept, base.merged(known, base.measured(left, self.files)))
            return 0

        if left and in_fork(work, cpu_s=1800, wall_s=3600).code:
            raise pytest.UsageError("the tests could not be run without a change")
        return base.kept(self.kept) or nothing

    def _tell(self, baseline: base.Baseline) -> None:
        spent = sum(baseline.seconds.values())
        sys.stderr.write(f"{len(baseline.seconds)} tests, {spent:.0f} s, {len(baseline.failed)} fail unchanged\n")
        for test in baseline.failed:
            sys.stderr.write(f"  fails unchanged, takes no part: {test}\n")

    def _try(
        self,
        mutant: Mutant,
        baseline: base.Baseline,
        functions: Mapping[Place, list[FunctionType]],
        items: Mapping[str, pytest.Item],
    ) -> None:
        try:
            wanted = compiled_changes(mutant)
        except NotSwappableError:
            self.cold.append(mutant)
            return
        except (SyntaxError, ValueError):
            self.record(mutant, trial_of(mutant, End.SAME))
            return
        if not wanted:
            self.record(mutant, trial_of(mutant, End.SAME))
            return
        killers = self._killers.setdefault(f"{mutant.path}:{mutant.function}", [])
        tests = baseline.tests_of(mutant.path, mutant.lines) & items.keys()
        if not tests:
            self.record(mutant, trial_of(mutant, End.NOT_RUN))
            return
        if mutant.path not in self._rarity:
            self._rarity[mutant.path] = base.rarity_of(baseline, mutant.path)
        rarity = self._rarity[mutant.path]
        order = base.in_order(tests, path=mutant.path, baseline=baseline, rarity=rarity, killers=killers[-5:])
        order = base.within(order, baseline=baseline, budget_s=self.budget_s)
        found = self._tried(mutant, wanted, functions, [items[test] for test in order], baseline)
        if found.by and found.by not in killers:
            killers.append(found.by)
        self.record(mutant, found)

    def _tried(
        self,
        mutant: Mutant,
        wanted: Iterable[Change],
        functions: Mapping[Place, list[FunctionType]],
        tests: Sequence[pytest.Item],
        baseline: base.Baseline,
    ) -> Trial:
        def work(writing: int) -> int:
            if not swap(functions, wanted):
                os.write(writing, b"the function was not found")
                return _NOT_FOUND
            return _run_until_one_fails(tests, writing)

        spent = sum(baseline.seconds.get(test.nodeid, 0.0) for test in tests)
        ended = in_fork(work, cpu_s=spent * _TIMES + _SPARE_CPU_S, wall_s=spent * _TIMES * 4 + _SPARE_WALL_S)
        if ended.code == _NOT_FOUND:
            raise RuntimeError(f"{mutant.told}: {ended.told}")
        return trial_of_ended(mutant, ended)


def trial_of(mutant: Mutant, end: End, *, by: str = "", seconds: float = 0.0) -> Trial:
    """Return what is kept of a mutant's end."""
    line = mutant.lines[0]
    return Trial(identity=mutant.identity, told=mutant.told, end=end, line=line, by=by, seconds=round(seconds, 2))


def trial_of_ended(mutant: Mutant, ended: Ended) -> Trial:
    """Return what is kept of a mutant whose process has ended; say it where that tells nothing about the tests."""
    end = end_of(ended)
    if end is End.NOT_TRIED:
        sys.stderr.write(f"  {end}: {mutant.told}: exit code {ended.code} {ended.told}\n")
    return trial_of(mutant, end, by=ended.told if end is End.KILLED else "", seconds=ended.seconds)


def end_of(ended: Ended) -> End:
    """Read the end of a mutant off its process: it is killed only by a test with a name, or by a crash."""
    if ended.code in {-signal.SIGKILL, -signal.SIGXCPU}:
        return End.TIMED_OUT
    if ended.code == 0:
        return End.SURVIVED
    is_killed = ended.code in _CRASHES or (ended.code == _FAILED and ended.told)
    return End.KILLED if is_killed else End.NOT_TRIED


def compiled_changes(mutant: Mutant) -> list[Change]:
    """Compile a mutant beside its file and return the functions that differ."""
    file = HERE / mutant.path
    return changes(compile(file.read_text(), str(file), "exec"), compile(mutant.make(), str(file), "exec"))


def _run_until_one_fails(tests: Sequence[pytest.Item], writing: int) -> int:
    session = tests[0].session
    session.items = list(tests)
    for test, following in zip(tests, [*tests[1:], None], strict=True):
        failed = session.testsfailed
        test.ihook.pytest_runtest_protocol(item=test, nextitem=following)
        if session.testsfailed > failed:
            os.write(writing, test.nodeid.encode())
            return _FAILED
    return 0
