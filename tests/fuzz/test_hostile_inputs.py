"""The corpus and some generated inputs of every door; `python -m tests.fuzz` gives it many more."""

import ast
from pathlib import Path

import pytest

from tests.fuzz.hostile_items import ITEMS, NOT_REFUSED, NUMBERED, TESTED_ELSEWHERE
from tests.fuzz.registry import TARGETS
from tests.fuzz.run import Tally, lived, opened, why_broken

SEED = 20261128
ROOT = Path(__file__).parents[2]
INPUTS = 30
"""For each share of a door."""


@pytest.mark.parametrize("name", TARGETS)
def test_each_input_of_the_corpus_ends_in_a_value_or_an_error_of_ours(name):
    target, tally = TARGETS[name], Tally()
    with opened(target) as take:
        found = {file: why for file, data in target.corpus.items() if (why := why_broken(take, data, tally))}
    assert not found
    assert tally.inputs == len(target.corpus) > 0


@pytest.mark.parametrize("name", TARGETS)
def test_generated_inputs_end_in_a_value_or_an_error_of_ours(name):
    tally = lived(name, SEED, range(INPUTS * TARGETS[name].share))
    assert [f"{each.number}: {each.why}" for each in tally.broken] == []
    assert len(tally.endings) > 1, "every input ended alike: they do not get behind the first check"


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_seed_and_number_give_the_same_input(name):
    target = TARGETS[name]
    assert [target.made(3, number) for number in range(20)] == [target.made(3, number) for number in range(20)]
    assert target.made(3, 1) != target.made(4, 1)


@pytest.mark.parametrize("name", TARGETS)
def test_a_numbered_input_ends_as_its_name_says(name):
    target = TARGETS[name]
    said = {file: found[2] for file in target.corpus if (found := NUMBERED.fullmatch(file))}
    with opened(target) as take:
        ended = {file: take(target.corpus[file]).replace(" ", "_") for file in said}
    assert ended == said


def test_each_of_the_hostile_inputs_that_were_listed_is_tried():
    files = [file for target in TARGETS.values() for file in target.corpus]
    numbered = {int(found[1]) for file in files if (found := NUMBERED.match(file))}
    assert numbered | TESTED_ELSEWHERE.keys() | NOT_REFUSED.keys() == set(range(1, ITEMS + 1))


@pytest.mark.parametrize("node", sorted(set(TESTED_ELSEWHERE.values())))
def test_a_test_that_is_named_for_a_hostile_input_exists(node):
    file, _, test = node.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert test in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
