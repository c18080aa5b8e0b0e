"""The checker on trial: it must find every planted bug, and soon."""

import json

import pytest

from tests.simulation.directed_schedules import DIRECTED
from tests.simulation.first_seeds import FIRST_SEEDS
from tests.simulation.planted import WITHIN, found_after, main
from tests.simulation.planted_bugs import PLANTED
from tests.simulation.planted_table import PROMISES, ROOMS, TABLE

pytestmark = pytest.mark.no_cover


def test_there_are_bugs_enough():
    assert len(PLANTED) >= 60


def test_every_promise_and_every_room_has_a_bug():
    assert TABLE.keys() == PLANTED.keys()
    assert {promise for promise, _ in TABLE.values()} == PROMISES
    assert {room for _, room in TABLE.values()} == ROOMS


def test_every_bug_that_is_looked_for_early_exists():
    assert FIRST_SEEDS.keys() <= PLANTED.keys()
    assert max(FIRST_SEEDS.values()) < WITHIN


def test_every_bug_of_a_directed_schedule_exists():
    assert DIRECTED.keys() <= PLANTED.keys()


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug, monkeypatch, tmp_path):
    """By the promise that the table says it breaks; others may be broken before."""
    found = found_after(bug, monkeypatch, tmp_path, looks_early=True)
    assert found is not None, f"{TABLE[bug][0]} is not broken: {bug}"


def test_the_figures_say_how_soon_a_bug_was_found(tmp_path, capsys):
    bug = "the other side is sent"
    assert main([bug, "--figures", str(tmp_path / "planted.json")]) == 0
    kept = json.loads((tmp_path / "planted.json").read_text())
    assert (kept["count"], kept["violations"]) == (1, 0)
    assert kept["rows"][0][:3] == [bug, *TABLE[bug]]
    assert bug in capsys.readouterr().out


def test_a_bug_that_nobody_has_planted_is_said_to_be_none(capsys):
    with pytest.raises(SystemExit):
        main(["no such bug"])
    assert "there is no planted bug 'no such bug'" in capsys.readouterr().err
