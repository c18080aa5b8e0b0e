"""Which changes are made of a source: mutmut's, and our own, which change the syntax trees of libcst.

Both come with the extra ``mutation``, which the build does not install, so `make mutate` runs these tests once it has
installed them. How mutants are drawn, tried and counted needs neither: `test_trial`, `test_run`, `test_code_swap` and
`test_page` are part of the build.
"""

import pytest

pytest.importorskip("mutmut")

from tests.mutation.mutants import mutants_of

_SOURCE = '''
from decimal import Decimal

LIMIT = 3


class Rule(Value, frozen=True):
    """What a rule is."""

    def checked(self, price: int | None, *, tick: int = 1) -> int:
        if self.is_off:
            self.told(price)
        if price < tick:
            raise ValueError(f"{price} is below a tick of {tick + 1}", price)
        return price
'''


@pytest.fixture(scope="module")
def told() -> list[str]:
    return [f"{each.function}: {each.before} -> {each.after}" for each in mutants_of("rule.py", _SOURCE)]


@pytest.mark.parametrize(
    "wanted",
    [
        ": 3 -> 4",
        "Rule.checked: < tick -> <= tick",
        "Rule.checked: self.told(price) -> pass",
        "Rule.checked: self.told(price) -> self.told(None)",
    ],
)
def test_a_change_that_a_test_has_to_notice_is_made(told, wanted: str):
    assert wanted in told


def test_a_bare_condition_is_turned_round(told):
    assert any("if not (self.is_off)" in each for each in told)


def test_a_refusal_is_dropped(told):
    assert any(each.startswith("Rule.checked: raise ValueError") and each.endswith("-> pass") for each in told)


def test_text_for_people_annotations_and_imports_stay(told):
    assert [each for each in told if "XX" in each or "tick + 2" in each or "tick - 1" in each] == []
    assert [each for each in told if "Decimal" in each or "What a rule is" in each] == []
    assert [each for each in told if "int & None" in each or "False" in each] == []


def test_a_mutant_is_the_whole_source_with_one_change():
    mutant = next(each for each in mutants_of("rule.py", _SOURCE) if each.before == "3")
    assert mutant.make() == _SOURCE.replace("LIMIT = 3", "LIMIT = 4")
    assert mutant.lines == (4, 4)
