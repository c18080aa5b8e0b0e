"""Which tests a cell of the grid has: those in this folder whose parametrised id begins with the cell's.

    @pytest.mark.parametrize("times", [1, 12])
    @pytest.mark.parametrize(("step", "fault"), [pytest.param("SUB", "F07", id="SUB-F07")])
    def test_submit(step, fault, times): ...        # test_submit[SUB-F07-1] and test_submit[SUB-F07-12]

    @of_cell("SUB-F46")
    def test_many_threads(): ...                    # test_many_threads[SUB-F46]

The ids are read from the marks of the functions, so that nothing has to be collected or run to know them. `test_grid`
compares them with what pytest has collected.
"""

import inspect
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.faults.grid import CELLS

FOLDER = Path(__file__).parent
_CELL_FIRST = re.compile(r"[^\[]*\[([A-Z]{3}-F\d\d)(?:-[^\]]*)?\]")


@cache
def tests_of_cells() -> Mapping[str, tuple[str, ...]]:
    """Return every applicable cell with the node ids of its tests, in the order of the grid; none where it has none."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(FOLDER.glob("test_*.py")):
        for node in _nodes_of(file.stem):
            if (cell := cell_of(node)) is not None:
                found[cell].append(f"tests/faults/{file.name}::{node}")
    return MappingProxyType({cell: tuple(found[cell]) for cell in (*CELLS, *(found.keys() - CELLS.keys()))})


def cell_of(node: str) -> str | None:
    """Return the cell that the id of a test begins with."""
    match = _CELL_FIRST.fullmatch(node)
    return match and match[1]


def of_cell(*cells: str) -> pytest.MarkDecorator:
    """Mark a test that has no parameters as the test of one cell, or as that of each of several."""
    return pytest.mark.parametrize("cell", cells, indirect=True)


def _nodes_of(module: str) -> Iterator[str]:
    for name, function in inspect.getmembers(import_module(f"tests.faults.{module}"), inspect.isfunction):
        if name.startswith("test_") and function.__module__ == f"tests.faults.{module}":
            yield from _nodes(name, function)


def _nodes(name: str, function: Callable[..., object]) -> Iterator[str]:
    # The decorator nearest to the function comes first, in the marks and in the ids.
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
    if marks:
        yield from (f"{name}[{'-'.join(ids)}]" for ids in itertools.product(*map(_ids, marks)))


def _ids(mark: pytest.Mark) -> list[str]:
    named = mark.kwargs.get("ids")
    if named is not None and not callable(named):
        return [str(each) for each in named]
    return [_id(value, named) for value in mark.args[1]]


def _id(value: object, named: Callable[[object], object] | None) -> str:
    if getattr(value, "id", None) is not None:  # of pytest.param
        return str(getattr(value, "id", None))
    if named is not None:
        return str(named(value))
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
