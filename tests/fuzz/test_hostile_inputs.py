"""The corpus and some generated inputs of every door; `python -m tests.fuzz` gives it many more."""

import pytest

from tests.fuzz.registry import TARGETS
from tests.fuzz.run import Tally, lived, opened, why_broken

SEED = 20261128
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
