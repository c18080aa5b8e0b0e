"""docs/guarantees.md has every promise of the documents, and every test that it names is there."""

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from tests.faults import bookkeeping
from tests.faults.cannot_occur import CANNOT_OCCUR
from tests.faults.grid import CELLS
from tests.support.command_line import REPOSITORY


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_guarantees", REPOSITORY / "docs" / "draw_guarantees.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()
CHAPTERS = SCRIPT.chapters()
PROMISES = [promise for chapter in CHAPTERS for promise in chapter.promises]
SAID = sorted({(name, words) for promise in PROMISES for name, quotes in promise.said.items() for words in quotes})
NO_PROMISES = {
    "docs/architecture.md": "says how it is built",
    "docs/benchmarks.md": "figures of one machine",
    "docs/guarantees.md": "this page",
    "docs/licences.md": "a list",
    "docs/mutation.md": "figures of the tests",
}
LISTS = [
    ("README.md", "## Why"),
    ("specs/order-management/spec.md", "## Promises"),
    ("docs/events.md", "## What you can rely on"),
    ("docs/notifications.md", "## What you can rely on"),
    ("docs/metrics.md", "## What you can rely on"),
    ("docs/exits.md", "# Exits: there is always a way out"),
    ("docs/official-interface.md", "### Approval"),
    ("docs/official-interface.md", "## What it needs"),
    ("docs/risk.md", "## Prices"),
    ("docs/risk.md", "## Canary"),
    ("docs/running-it.md", "## Several accounts"),
    ("docs/two-machines.md", "## Who may trade"),
    ("docs/watch.md", "## Keys"),
    ("docs/watch.md", "## What it shows"),
]
BY_THEMSELVES = {
    "Events come on a thread of their own": "said of the threads in the same sentence as the promise about orders",
    "Each account of a config file that names several needs a port of its own": "what you have to do",
    "Figures are looked at every five seconds": "how often, and the page shows when",
    "You log in on Robinhood's page, and its app asks you to approve": "what the broker does",
    "Each symbol is one day trade": "how the broker counts it",
    "`doctor` looks at one account": "what you have to do",
    "`TRADING_BOT_HEARTBEAT_URL` is one address for all": "what you have to do",
    "The login of the environment": "what you have to do",
}
"""Items of a list that promise nothing of their own, by their beginning, and why."""


@cache
def _text(name: str) -> str:
    return " ".join((REPOSITORY / name).read_text(encoding="utf-8").split())


def _documents() -> set[str]:
    pages = {f"docs/{path.name}" for path in (REPOSITORY / "docs").glob("*.md")}
    return pages | {"README.md", "QUICKSTART.md", "specs/order-management/spec.md"}


def _items(name: str, heading: str) -> list[str]:
    section = (REPOSITORY / name).read_text(encoding="utf-8").partition(f"{heading}\n")[2].partition("\n## ")[0]
    items = re.split(r"\n(?=- |\d+\. )", section)
    return [" ".join(item.split()) for item in items if re.match(r"- |\d+\. ", item)]


def test_the_page_is_that_of_the_promises_and_tests():
    """Otherwise write it again: python docs/draw_guarantees.py"""
    assert SCRIPT.PAGE.read_text(encoding="utf-8") == SCRIPT.drawn()


@pytest.mark.parametrize(("name", "words"), SAID, ids=[f"{name}-{words[:40]}" for name, words in SAID])
def test_a_promise_is_in_the_words_of_its_document(name: str, words: str):
    assert words in _text(name)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: next(iter(promise.said.values()))[0][:50])
def test_a_promise_has_a_test_that_fails_when_it_is_broken(promise):
    assert promise.tests
    assert len(set(promise.tests)) == len(promise.tests)


def test_every_document_is_quoted_or_promises_nothing():
    quoted = {name for name, _ in SAID}
    assert _documents() - quoted <= set(NO_PROMISES)
    assert quoted & set(NO_PROMISES) == set()


@pytest.mark.parametrize(("name", "heading"), LISTS, ids=[f"{name}{heading}" for name, heading in LISTS])
def test_every_item_of_a_list_of_promises_is_quoted(name: str, heading: str):
    words = [words for where, words in SAID if where == name]
    items = _items(name, heading)
    assert len(items) >= 4
    unsaid = [item for item in items if not any(each in item for each in words)]
    assert [item for item in unsaid if not any(each in item for each in BY_THEMSELVES)] == []


def test_every_fault_cell_stands_behind_a_promise_and_has_a_test_or_cannot_occur():
    cells = {cell for promise in PROMISES for cell in promise.cells}
    assert cells == set(CELLS)
    assert {cell for cell in cells if not bookkeeping.tests_of_cells()[cell]} <= set(CANNOT_OCCUR)


@pytest.mark.parametrize(
    "text", ["kill/test_switch: a_rule_that_nobody_wrote", "kill/test_nothing: a_rule", "kill/test_switch a_rule"]
)
def test_a_test_that_is_not_there_is_found_out(text: str):
    with pytest.raises(ValueError, match="and there is none"):
        SCRIPT.nodes_of(text)


def test_tests_are_named_by_their_node_ids():
    (node,) = SCRIPT.nodes_of("kill/test_switch: an_order_that_appears_late_is_cancelled")
    assert node == "tests/kill/test_switch.py::test_an_order_that_appears_late_is_cancelled"


@pytest.mark.parametrize("word", ["SUB-F99", "LOG-F32", "XXX-F01"])
def test_a_cell_that_the_matrix_does_not_have_is_found_out(word: str):
    with pytest.raises(ValueError, match=f"names {word}"):
        SCRIPT.cells_of(word)


def test_a_range_has_the_cells_that_can_occur():
    assert SCRIPT.cells_of("SUB-F31..F34 SUB-F34") == ("SUB-F31", "SUB-F34")


def test_the_figures_of_a_run_are_on_the_page(tmp_path: Path):
    folder = tmp_path / "simulation" / "figures"
    folder.mkdir(parents=True)
    run = {"name": "schedules over both wires", "command": "make prove", "seed": 0, "count": 100000, "violations": 0}
    rest = {"hours": 1.5, "date": "2026-11-28", "machine": "two cores", "code": "4b28e65300"}
    (folder / "schedules.json").write_text(json.dumps({**run, **rest}))
    (folder / "state.json").write_text(json.dumps({"next_seed": 7}))
    rooms = tmp_path / "mutation" / "figures"
    rooms.mkdir(parents=True)
    (rooms / "calculator.json").write_text(json.dumps({"name": "calculator", "count": 400, "killed": 397}))
    found = SCRIPT.figures(tmp_path)
    assert {kind: len(rows) for kind, rows in found.items() if rows} == {"mutation": 1, "simulation": 1}
    told = SCRIPT._runs(found)
    assert "each of which a test has to notice | 400, 397 killed |" in told
    assert "| 100,000 | 0 | 0 | 1.5 | 2026-11-28 | two cores | 4b28e65300 | `make prove` |" in told
    assert "| fuzz | hostile inputs | no figures yet |" in told


def test_a_figure_that_a_runner_did_not_write_is_said_to_be_missing():
    found = {**SCRIPT.figures(Path("nowhere")), "fuzz": [{"name": "everything", "count": 5}]}
    assert "| fuzz: everything | hostile inputs | 5 | not told | not told |" in SCRIPT._runs(found)


def test_a_link_of_the_page_leads_somewhere():
    paths = set(re.findall(r"\]\(([^)#]+)\)", SCRIPT.PAGE.read_text(encoding="utf-8")))
    assert len(paths) > 15
    assert [path for path in sorted(paths) if not (SCRIPT.PAGE.parent / path).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "QUICKSTART.md", "docs/running-it.md"])
def test_the_page_is_found_from_where_a_reader_begins(name: str):
    assert "guarantees.md" in (REPOSITORY / name).read_text(encoding="utf-8")
