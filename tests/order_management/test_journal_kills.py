"""A journal whose writer is killed at any effect opens again without loss: real processes, real SIGKILL."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the writers are forks"),
]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """One line for each writer that was killed, and one of each way for the writer that came through."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.journal_killer", str(tmp_path_factory.mktemp("kills"))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_there_is_a_kill_at_every_effect(ends):
    for way in ("before", "after", "half"):
        numbers = [end["number"] for end in ends if end["way"] == way]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 60
    assert sum(end["finished"] for end in ends) == 3
    assert {end["segments"] for end in ends if end["finished"]} == {3}


def test_the_journal_always_opens_again(ends):
    assert [end for end in ends if "error" in end] == []


def test_every_record_whose_append_returned_is_there(ends):
    assert [end for end in ends if end["missing"]] == []


def test_no_order_is_forgotten_and_the_book_equals_the_whole_replay(ends):
    assert [end for end in ends if end["lost"] or not end["same"]] == []


def test_at_most_one_line_was_torn(ends):
    assert max(end["torn"] for end in ends) == 1
    assert {end["way"] for end in ends if end["torn"]} == {"half"}


def test_writing_goes_on_and_the_whole_chain_verifies(ends):
    assert [end for end in ends if not end["verifies"]] == []


def test_nothing_is_left_over_or_readable_by_others(ends):
    assert [end for end in ends if end["left_over"] or not end["private"]] == []
