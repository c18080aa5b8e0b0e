"""Orders, one order, positions and freezes at the command line without a bot: what is on record, and how old it is."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.order_story import intended
from tests.support.stored_journal import StoredJournal

NOTE = "no bot was asked: this is what was on record at 2026-11-23 10:00:00 EST; 'trading-bot sync' asks the broker"


@pytest.fixture
def desk(tmp_path) -> CommandLineBench:
    desk = CommandLineBench(tmp_path)
    StoredJournal.of_paper_account(desk.home).tell(intended("first")).close()
    return desk


@pytest.mark.parametrize("command", [("orders",), ("status", "first"), ("positions",), ("frozen",)], ids=" ".join)
def test_how_old_the_answer_is_stands_on_stderr_and_in_the_object(desk, command):
    done = desk(*command)
    assert (done.returncode, NOTE in done.stderr) == (0, True)
    shown = desk("--json", *command)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["recorded_until"] == "2026-11-23T15:00:00.000000Z"


def test_whoever_wants_quiet_is_not_told(desk):
    assert desk("--quiet", "orders").stderr == ""


def test_the_listed_orders_are_those_on_record(desk):
    (_, row) = desk("orders").stdout.splitlines()
    assert row.split()[0] == "first"


def test_positions_that_were_never_looked_at_are_not_said_to_be_none(desk):
    shown = desk("positions").stdout
    assert "run 'trading-bot sync'" in shown
    assert "no positions" not in shown
