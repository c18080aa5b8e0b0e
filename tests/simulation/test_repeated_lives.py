"""A number is all it takes to live a life again, in any process: else nobody could look for what it found.

The processes differ in what a machine varies by itself: the order of sets, the folder, the speed, and which lives went
before. Nothing is compared as a set: where a bot has threads, the simulation chooses by the number which one is quick.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import product

import pytest

from tests.simulation.lived import Life, numbered
from tests.support.command_line import child_environment
from tests.support.sim_schedule import ODD_FROM, steps_of
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

pytestmark = [
    pytest.mark.timeout(600),  # two processes, each of which starts anew
    pytest.mark.no_cover,  # other tests run each of these lines, and tracing would make this one slow
]

NUMBERS = (2, 6, 7, 11, 15, 17, 24, 27, 500_003, 500_007, 500_015, 500_021, 500_027, 500_091)


def begun(numbers: Sequence[int], *, hash_seed: int, folder) -> "subprocess.Popen[str]":
    """Begin to live through them in a process of its own."""
    bare = child_environment(folder)
    environment = {name: value for name, value in bare.items() if not name.startswith("COVERAGE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation.repeated", *map(str, numbers)],
        env=environment | {"PYTHONHASHSEED": str(hash_seed), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: "subprocess.Popen[str]") -> Mapping[str, list[str]]:
    written, _ = process.communicate(timeout=500)
    assert process.returncode == 0
    lines: Mapping[str, list[str]] = json.loads(written)
    return lines


def test_a_number_lived_in_two_processes_asks_records_and_answers_the_same(tmp_path_factory):
    first = begun(NUMBERS, hash_seed=1, folder=tmp_path_factory.mktemp("first"))
    second = begun(NUMBERS[::-1], hash_seed=2, folder=tmp_path_factory.mktemp("the-second"))
    one, other = told(first), told(second)
    for number in map(str, NUMBERS):
        assert one[number] == other[number], f"life {number} was another one the second time"
        assert len(one[number]) > 100  # that much happens in the shortest


def test_the_lives_that_are_lived_twice_are_of_every_kind():
    lives = [numbered(number) for number in NUMBERS]
    kinds = {(life.setting.mode, life.setting.wire, is_odd(life)) for life in lives}
    assert kinds == set(product(ExecutionMode, PaperWire, (False, True)))
    for yes_or_no in ("in_memory", "has_past", "is_thorough"):
        assert {getattr(life.setting, yes_or_no) for life in lives} == {False, True}
    assert {life.sends_again for life in lives} == {False, True}


def is_odd(life: Life) -> bool:
    return list(map(str, life.steps)) == list(map(str, steps_of(life.number + ODD_FROM)))
