"""Write docs/guarantees.md: every promise, the tests that fail when it is broken, and what it does not promise.

    python docs/draw_guarantees.py           write the page
    python docs/draw_guarantees.py --check   exit 1 if it is out of date

The promises stand in docs/guarantees/*.toml, a chapter a file. `said` has the words of a document, so that a promise
is the document's own; `tests` names the tests, a line a file; `cells` names cells of the fault matrix; `not` says what
is not promised. The figures of long runs are those that the runners left in a folder `figures` below tests/.
"""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.cannot_occur import CANNOT_OCCUR  # noqa: E402
from tests.faults.grid import CELLS  # noqa: E402

PAGE = ROOT / "docs" / "guarantees.md"
CHAPTERS = ROOT / "docs" / "guarantees"
RUNS = {
    "ambiguous": "orders, each met by one of the troubles there are: lost, late, doubled or wrong answers, or none",
    "planted": "planted bugs, each of which the simulation has to find, by chance or by a schedule made for it",
    "fuzz": "hostile inputs",
    "mutation": "small changes to the code, each of which a test has to notice",
    "simulation": "simulated lives of the whole bot, with faults and deaths",
}
"""What is run for long, by a word that the path or the name of its figures has; the first one that fits counts."""

_STEP_NAMES = {
    "LOG": "login",
    "SUB": "submit",
    "STA": "status",
    "CAN": "cancel",
    "ALL": "cancel all",
    "REP": "replace",
    "SYN": "synchronise",
    "REC": "recover after a restart",
    "AUD": "write the record",
}
_HEAD = """# Guarantees

What this program promises, in the words of its documents; which tests fail if a promise is broken; and what it does
**not** promise. {counts}

The page is written by `python docs/draw_guarantees.py` from `docs/guarantees/`. A test fails if it is out of date, if
the words of a promise have left the document that says them, or if a test that is named here is gone. A test that
passes proves what it tries and no more. **Nothing here has met the real broker**: every test runs against stand-ins of
our own. They are made from published replies, and assume the worst where nothing was published.

Run the tests of one promise with `.venv/bin/python -m pytest -n0 TEST...`, and those of a fault cell with
`.venv/bin/python -m pytest -n0 tests/faults -k SUB-F07`.
"""
_RUNS_HEAD = """## What was run for long

The build runs a part of this each time. These are the longest runs on record, and what was wrong at their end. Of
mutants, wrong is one that no test noticed and nobody has given a reason for; [mutation.md](mutation.md) lists all that
no test noticed, with the reasons. Of planted bugs, wrong is one that was not found.

| run | what it is | how many | found wrong | seed | hours | day | machine | commit | command |
|---|---|---|---|---|---|---|---|---|---|
"""
_CELLS_HEAD = """## The fault matrix

50 faults are struck at 9 steps, which makes {all} cells to which a fault applies. The id of a test begins with its
cell. The build fails if a cell has no test, unless it stands here because it cannot occur in this design.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is promised: the words by document, tests and cells as they are written, and what is left out."""

    said: Mapping[str, tuple[str, ...]]
    tests_as_written: str
    cells_as_written: str
    without: str

    @property
    def tests(self) -> tuple[str, ...]:
        """The node ids of the tests."""
        return nodes_of(self.tests_as_written)

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of the fault matrix."""
        return cells_of(self.cells_as_written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Promises that belong together."""

    title: str
    intro: str
    promises: tuple[Promise, ...]


@cache
def tests_in(path: str) -> Mapping[str, tuple[str, ...]]:
    """Return the tests of a file: the name without `test_`, and what stands behind the file in their node ids."""
    if not (ROOT / path).is_file():
        return {}
    tree, found = ast.parse((ROOT / path).read_text(encoding="utf-8")), dict[str, tuple[str, ...]]()
    groups = [("", tree.body), *((f"{each.name}::", each.body) for each in tree.body if isinstance(each, ast.ClassDef))]
    for group, body in groups:
        for name in (each.name for each in body if isinstance(each, ast.FunctionDef)):
            if name.startswith("test_"):
                rule = name.removeprefix("test_")
                found[rule] = (*found.get(rule, ()), f"{group}{name}")
    return found


def nodes_of(text: str) -> tuple[str, ...]:
    """Read lines such as `kill/test_switch: a_rule, another_rule`.

    Raises:
        ValueError: there is no such test.
    """
    nodes: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        file, _, rules = line.partition(": ")
        path = f"tests/{file}.py"
        for rule in rules.split(", "):
            if rule not in tests_in(path):
                raise ValueError(f"docs/guarantees names the test {rule!r} of {path}, and there is none")
            nodes += [f"{path}::{ending}" for ending in tests_in(path)[rule]]
    return tuple(nodes)


def cells_of(text: str) -> tuple[str, ...]:
    """Read words such as `SUB-F07` and `SUB-F01..F09`; of a range, those cells that can occur.

    Raises:
        ValueError: there is no such cell.
    """
    found: list[str] = []
    for word in text.split():
        step, first, last = re.fullmatch(r"([A-Z]{3})-F(\d\d)(?:\.\.F(\d\d))?", word).groups()  # type: ignore[union-attr]
        named = [f"{step}-F{number:02d}" for number in range(int(first), int(last or first) + 1)]
        known = [cell for cell in named if cell in CELLS]
        if not known:
            raise ValueError(f"docs/guarantees names {word}, and the matrix has no such cell")
        found += known
    return tuple(dict.fromkeys(found))


def chapters(folder: Path = CHAPTERS) -> tuple[Chapter, ...]:
    """Read every chapter in the order of its file's name."""
    return tuple(_chapter(path) for path in sorted(folder.glob("*.toml")))


def _chapter(path: Path) -> Chapter:
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    promises = tuple(
        Promise(
            said={name: (words,) if isinstance(words, str) else tuple(words) for name, words in each["said"].items()},
            tests_as_written=each["tests"],
            cells_as_written=each.get("cells", ""),
            without=each.get("not", ""),
        )
        for each in read["promise"]
    )
    return Chapter(title=read["chapter"], intro=read["intro"].strip(), promises=promises)


def figures(root: Path = ROOT / "tests") -> Mapping[str, list[Mapping[str, Any]]]:
    """Return what the runners wrote down, by the kind of run; the files in the order of their names."""
    found: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in RUNS}
    for path in sorted(root.glob("**/figures/*.json")):
        read = json.loads(path.read_text(encoding="utf-8"))
        for row in read if isinstance(read, list) else [read]:
            where = f"{path.relative_to(root)} {row.get('name', '')}"
            kind = next((kind for kind in RUNS if kind in where), None)
            if "name" in row and kind is not None:
                found[kind].append(row)
    return found


def drawn() -> str:
    """Return the whole page."""
    parts = chapters()
    promises = [promise for chapter in parts for promise in chapter.promises]
    nodes = {node for promise in promises for node in promise.tests}
    cells = {cell for promise in promises for cell in promise.cells}
    counts = f"{len(promises)} promises, {len(nodes)} tests that are named, {len(cells)} fault cells behind them."
    told = [_HEAD.format(counts=counts), _contents(parts), _runs(figures())]
    told += [_told(number, chapter) for number, chapter in enumerate(parts, 1)]
    return "\n".join([*told, _left_out(parts), _matrix()])


def _contents(parts: Iterable[Chapter]) -> str:
    lines = (f"{number}. **{chapter.title}.** {chapter.intro}" for number, chapter in enumerate(parts, 1))
    return "\n".join([*lines, ""])


def _left_out(parts: Iterable[Chapter]) -> str:
    lines = (
        f"- **{number}.{place}** {each.without}"
        for number, chapter in enumerate(parts, 1)
        for place, each in enumerate(chapter.promises, 1)
        if each.without
    )
    return "\n".join(["## All that is not promised, in one place\n", *lines, ""])


def _runs(found: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    lines = []
    for kind, what in RUNS.items():
        lines += [_run(row, kind, what) for row in found[kind]] or [
            f"| {kind} | {what} | no figures yet | | | | | | | |"
        ]
    return _RUNS_HEAD + "\n".join(lines) + "\n"


def _run(row: Mapping[str, Any], kind: str, what: str) -> str:
    name = row["name"] if kind in row["name"] else f"{kind}: {row['name']}"
    count = row.get("count")
    many = f"{count:,}" if isinstance(count, int) else "not told"
    killed = f", {row['killed']} killed" if "killed" in row else ""
    told = (str(row.get(key, "not told")) for key in ("violations", "seed", "hours", "date", "machine", "code"))
    return f"| {name} | {what} | {many}{killed} | {' | '.join(told)} | `{row.get('command', 'not told')}` |"


def _told(number: int, chapter: Chapter) -> str:
    promises = (_promise(f"{number}.{place}", each) for place, each in enumerate(chapter.promises, 1))
    return "\n".join([f"## {number}. {chapter.title}\n\n{chapter.intro}\n", *promises])


def _promise(number: str, promise: Promise) -> str:
    words = _plain(" … ".join(next(iter(promise.said.values()))))
    places = ", ".join(f"[{name}]({_way(name)})" for name in promise.said)
    lines = [f"**{number}** {words}\n", f"- Said in {places}."]
    if promise.without:
        lines.append(f"- **Not promised:** {promise.without}")
    size = f"{len(promise.tests)} tests" + (f", {len(promise.cells)} fault cells" if promise.cells else "")
    lines.append(f"- <details><summary>What fails if it is broken: {size}</summary>\n")
    lines += [f"  - `{node}`" for node in promise.tests]
    if promise.cells:
        lines.append(f"  - fault cells: {_short(promise.cells)}")
    return "\n".join([*lines, "\n  </details>\n"])


def _plain(words: str) -> str:
    plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", words).replace(" | ", ": ")
    return plain[0].upper() + plain[1:]


def _way(name: str) -> str:
    return name.removeprefix("docs/") if name.startswith("docs/") else f"../{name}"


def _short(cells: Iterable[str]) -> str:
    of_step: dict[str, list[list[int]]] = {}
    for cell in cells:
        rows, number = of_step.setdefault(cell[:3], []), int(cell[5:])
        if rows and rows[-1][-1] == number - 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    return "; ".join(
        f"{_STEP_NAMES[step]} (`{step}`) {', '.join(_span(row) for row in rows)}" for step, rows in of_step.items()
    )


def _span(row: list[int]) -> str:
    return f"F{row[0]:02d}" if len(row) == 1 else f"F{row[0]:02d}-F{row[-1]:02d}"


def _matrix() -> str:
    lines = [f"| `{cell}` | {reason.why} | {reason.since} |" for cell, reason in sorted(CANNOT_OCCUR.items())]
    table = ["| cell without a test | why | looked at |", "|---|---|---|", *lines] if lines else ["Every cell has one."]
    return _CELLS_HEAD.format(all=len(CELLS)) + "\n".join(table) + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or check it; return the exit code."""
    page = drawn()
    if "--check" in arguments:
        return 0 if PAGE.read_text(encoding="utf-8") == page else 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
