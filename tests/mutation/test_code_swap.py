"""The code of a function is exchanged wherever the function object is held; what an import decides is not."""

import textwrap
from types import ModuleType

import pytest

from tests.mutation.code_swap import NotSwappableError, changes, functions_by_place, swap

_FILE = "/sample.py"
_SOURCE = """
    LIMIT = 3
    def doubled(x): return x * 2
    TABLE = {"doubled": doubled}
    def outer(y):
        def inner(): return y + 1
        return inner()
    class Box:
        size = 4
        @property
        def area(self): return self.size * self.size
        def grown(self, by=1): return [each + by for each in (self.size,)]
"""


def _compiled(source: str):
    return compile(textwrap.dedent(source), _FILE, "exec")


def _changed(old: str, new: str):
    assert old in _SOURCE
    return changes(_compiled(_SOURCE), _compiled(_SOURCE.replace(old, new)))


@pytest.fixture
def sample() -> ModuleType:
    module = ModuleType("sample")
    exec(_compiled(_SOURCE), module.__dict__)
    return module


@pytest.mark.parametrize(
    ("change", "use", "before", "after"),
    [
        (("x * 2", "x / 2"), lambda sample: sample.TABLE["doubled"](6), 12, 3),
        (("y + 1", "y - 1"), lambda sample: sample.outer(6), 7, 5),
        (("self.size * self.size", "self.size + self.size"), lambda sample: sample.Box().area, 16, 8),
        (("each + by", "each - by"), lambda sample: sample.Box().grown(), [5], [3]),
    ],
    ids=["in a table", "nested", "property", "comprehension"],
)
def test_changed_code_runs_wherever_its_function_is_held(sample, change, use, before, after):
    assert use(sample) == before
    assert swap(functions_by_place([_FILE]), _changed(*change)) >= 1
    assert use(sample) == after


@pytest.mark.parametrize(
    ("old", "new"),
    [("LIMIT = 3", "LIMIT = 4"), ("size = 4", "size = 5"), ("by=1", "by=2")],
    ids=["name", "field", "default"],
)
def test_what_an_import_decides_is_no_change_of_a_function(old, new):
    with pytest.raises(NotSwappableError):
        _changed(old, new)


def test_a_function_that_closes_over_other_names_is_not_exchanged():
    with pytest.raises(NotSwappableError):
        changes(
            _compiled("def f(a, b):\n  def g(): return a\n  return g").co_consts[0].co_consts[1],
            _compiled("def f(a, b):\n  def g(): return b\n  return g").co_consts[0].co_consts[1],
        )


def test_the_same_code_on_other_lines_is_no_change():
    assert _changed("LIMIT = 3", "\n\n    LIMIT = 3") == []


def test_true_and_one_are_different_code():
    assert len(changes(_compiled("def f(): return 1"), _compiled("def f(): return True"))) == 1
