"""The runner of many lives: what it keeps, what it says, and when it fails."""

import json
import re
from pathlib import Path

import pytest

from tests.simulation.lived import Lived
from tests.simulation.long_run import Asked, live_block, run_all
from trading_bot.config import PaperWire

pytestmark = pytest.mark.no_cover


def asked(folder: Path, count: int = 4, workers: int = 1) -> Asked:
    figures = folder / "figures" / "run.json"
    return Asked(first=10, count=count, workers=workers, block=2, state=folder / "state.json", figures=figures)


def fine(block: range, _wire: PaperWire | None) -> Lived:
    return Lived(count=len(block))


def broken(block: range, wire: PaperWire | None) -> Lived:
    lived = fine(block, wire)
    lived.broken = {number: "a promise" for number in block if number == 11}
    return lived


def interrupted(block: range, wire: PaperWire | None) -> Lived:
    if block.start > 10:
        raise KeyboardInterrupt
    return fine(block, wire)


def test_figures_say_how_many_were_lived_and_how_many_broke_a_promise(tmp_path):
    assert run_all(asked(tmp_path), say=print, live_through=fine) == 0
    figures = json.loads((tmp_path / "figures" / "run.json").read_text())
    assert (figures["seed"], figures["count"], figures["violations"]) == (10, 4, 0)
    assert re.fullmatch(r"[0-9a-f]{10}\+?|no commit", str(figures["code"]))
    assert figures["command"] == "python -m tests.simulation --schedules 4 --first-seed 10 --wire both --workers 1"
    assert not (tmp_path / "state.json").exists()


def test_one_broken_life_fails_the_run_and_is_named(tmp_path):
    said: list[str] = []
    assert run_all(asked(tmp_path), say=said.append, live_through=broken) == 1
    assert "life 11 breaks a promise: a promise" in said
    assert json.loads((tmp_path / "figures" / "run.json").read_text())["broken"] == [11]


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_all(asked(tmp_path), say=print, live_through=interrupted)
    assert json.loads((tmp_path / "figures" / "run.json").read_text())["count"] == 2
    again: list[range] = []

    def rest(block: range, wire: PaperWire | None) -> Lived:
        again.append(block)
        return fine(block, wire)

    assert run_all(asked(tmp_path), say=print, live_through=rest) == 0
    assert again == [range(12, 14)]
    assert json.loads((tmp_path / "figures" / "run.json").read_text())["count"] == 4


def test_another_command_does_not_go_on_from_what_is_kept(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_all(asked(tmp_path), say=print, live_through=interrupted)
    run_all(asked(tmp_path, count=6), say=print, live_through=fine)
    assert json.loads((tmp_path / "figures" / "run.json").read_text())["count"] == 6


def test_a_run_over_other_code_does_not_go_on_from_what_is_kept(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_all(asked(tmp_path), say=print, live_through=interrupted)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"code": "of yesterday"}))
    again: list[range] = []

    def all_of_it(block: range, wire: PaperWire | None) -> Lived:
        again.append(block)
        return fine(block, wire)

    assert run_all(asked(tmp_path), say=print, live_through=all_of_it) == 0
    assert again == [range(10, 12), range(12, 14)]


def test_a_run_of_no_lives_is_no_good_run(tmp_path):
    assert run_all(asked(tmp_path, count=0), say=print, live_through=fine) == 1


def test_a_run_of_many_that_never_reaches_a_story_fails(tmp_path):
    said: list[str] = []
    assert run_all(asked(tmp_path, count=1000), say=said.append, live_through=fine) == 1
    assert any(line.startswith("never reached: ") for line in said)


def test_several_workers_live_the_same_lives_as_one(tmp_path):
    alone = live_block(range(10, 12), None)
    assert run_all(asked(tmp_path, count=2, workers=2), say=print) == 0
    figures = json.loads((tmp_path / "figures" / "run.json").read_text())
    assert figures["reached"] == dict(sorted(alone.reached.items()))
    assert alone.count == 2
