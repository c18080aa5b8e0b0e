"""What is mutated together, and the tests that have to notice."""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parents[2]
SOURCE = "src/trading_bot"
_ORDERS = f"{SOURCE}/order_management"
_ORDER_TESTS = ("tests/order_management",)
_GATE_TESTS = (
    "tests/risk",
    "tests/trading_bot/test_safety_checks.py",
    "tests/trading_bot/test_exposure_limit.py",
    "tests/trading_bot/test_limit_alerts.py",
    "tests/trading_bot/test_symbol_lists.py",
    "tests/results/test_positions.py",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Files below the checkout, and the tests that are collected for them."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Files that belong here and are not mutated, each with the reason."""


def _below(folder: str, left_out: Iterable[str] = ()) -> tuple[str, ...]:
    found = sorted(path.relative_to(HERE).as_posix() for path in (HERE / folder).rglob("*.py"))
    return tuple(path for path in found if path not in left_out)


def _orders(name: str) -> Room:
    whole = HERE / _ORDERS / name
    files = _below(f"{_ORDERS}/{name}") if whole.is_dir() else (f"{_ORDERS}/{name}.py",)
    return Room(name=name, files=files, tests=_ORDER_TESTS)


def _journal() -> Room:
    engine = "runs against a real PostgreSQL server only, whose tests use processes and do not take part"
    names = ("postgres", "postgres_connection", "postgres_reading", "postgres_rows", "postgres_tables")
    left_out = {f"{_ORDERS}/journal/{name}.py": engine for name in names}
    return Room(name="journal", files=_below(f"{_ORDERS}/journal", left_out), tests=_ORDER_TESTS, left_out=left_out)


def _gate() -> Room:
    return Room(name="gate", files=(f"{SOURCE}/safety_checks.py", *_below(f"{SOURCE}/risk")), tests=_GATE_TESTS)


def rooms() -> Mapping[str, Room]:
    """Every room by its name, in the order of the report."""
    by_path = [
        _orders(name) for name in ("calculator", "lifecycle", "reconciliation", "submit", "cancel", "sync", "book")
    ]
    return {room.name: room for room in (*by_path, _journal(), _gate())}


def rooms_of(files: Iterable[str]) -> list[Room]:
    """Put changed files together by the tests that are collected for them; each lot is called ``changed``."""
    known = {path: room for room in rooms().values() for path in room.files}
    lots: dict[tuple[str, ...], list[str]] = {}
    for path in files:
        tests = known[path].tests if path in known else tests_beside(path)
        if tests:
            lots.setdefault(tests, []).append(path)
    return [Room(name="changed", files=tuple(paths), tests=tests) for tests, paths in lots.items()]


def tests_beside(path: str) -> tuple[str, ...]:
    """Return the mirrored test folder of a source file, or the tests named after a file that has no folder."""
    inside = Path(path).relative_to(SOURCE)
    if len(inside.parts) == 1:
        own = sorted((HERE / "tests/trading_bot").glob(f"test_{inside.stem}*.py"))
        return tuple(test.relative_to(HERE).as_posix() for test in own)
    mirrored = Path("tests") / inside.parts[0]
    return (mirrored.as_posix(),) if (HERE / mirrored).is_dir() else ()


def changed_files(base: str) -> tuple[str, ...]:
    """Return the source files that differ from where this branch left ``base``, uncommitted changes included."""
    git = ["git", "-C", str(HERE)]
    fork = subprocess.run([*git, "merge-base", base, "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    named = [*git, "diff", "--name-only", "--diff-filter=d", fork, "--", SOURCE]
    listed = subprocess.run(named, check=True, capture_output=True, text=True).stdout
    return tuple(path for path in listed.split() if path.endswith(".py"))
