"""The threads of the simulation are as the machine's, and the seed alone says which work is quick."""

from itertools import pairwise

import pytest

from tests.support.sim_schedule import setting_of
from tests.support.sim_threads import SimThreads


class Work:
    """Notes the numbers of what was done."""

    def __init__(self, seed: int = 0) -> None:
        self.done: list[int] = []
        self.threads = SimThreads(seed)

    def begin(self, number: int):
        return self.threads.begin(lambda: self.do(number), "works")

    def do(self, number: int) -> int:
        self.done.append(number)
        if number < 0:
            raise ValueError(number)
        return number


def order_of(seed: int, count: int = 8) -> list[int]:
    work = Work(seed)
    with work.threads.pool(2, "works") as pool:
        assert list(pool.map(work.do, range(count))) == list(range(count))
    return work.done


def test_a_seed_gives_one_order_and_another_seed_another():
    assert [order_of(seed) for seed in range(5)] == [order_of(seed) for seed in range(5)]
    assert all(one != other for one, other in pairwise(map(order_of, range(5))))


def test_some_work_is_done_at_once_and_some_when_its_result_is_asked_for():
    work = Work()
    begun = [work.begin(number) for number in range(8)]
    assert 0 < len(work.done) < 8
    assert [each.result() for each in begun] == list(range(8))
    assert [each.result() for each in begun] == list(range(8))
    assert sorted(work.done) == list(range(8))  # each once


def test_the_error_of_work_is_raised_where_its_result_is_asked_for():
    work = Work()
    for number in range(-8, 0):
        begun = work.begin(number)
        with pytest.raises(ValueError, match=str(number)):
            begun.result()


def test_work_that_is_cancelled_before_anybody_waited_for_it_is_not_done():
    work = Work()
    cancelled = {number for number in range(8) if work.begin(number).cancel()}
    assert cancelled == set(range(8)) - set(work.done) != set()


def test_each_life_has_the_threads_of_its_number(tmp_path):
    """With those of one seed, the long run would meet one order of every two threads."""
    drawn = set()
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        threads = setting_of(number).world(folder).threads
        done: list[int] = []
        with threads.pool(2, "works") as pool:
            assert all(work is None for work in pool.map(done.append, range(12)))
        drawn.add(tuple(done))
    assert len(drawn) > 3
