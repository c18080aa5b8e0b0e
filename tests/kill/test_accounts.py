"""Every account of a state folder is switched off, live ones first; what they are is looked at afterwards."""

import json
from pathlib import Path

import pytest

from tests.support.kill_fakes import StuckLatch
from tests.support.paper_market import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.kill.accounts import account_folders, live_accounts, switch_off
from trading_bot.latch import Latch
from trading_bot.state_folder import StateFolder

LIVE, PAPER = "live-0123456789abcdef", "paper-0123456789abcdef"


def latch_at(armed: Path) -> Latch:
    return Latch(path=armed, clock=VirtualClock(MONDAY), new_id=lambda: "a")


def state_of(folder: Path) -> StateFolder:
    return StateFolder(root=folder, files=LocalFiles())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (PAPER, LIVE, "live-", "Live-0123", "notes", "live-0123456789abcdef.bak"):
        (tmp_path / "state" / name).mkdir(parents=True)
    return tmp_path / "state"


def test_only_folders_of_accounts_are_found_and_live_ones_come_first(root: Path, tmp_path: Path):
    assert account_folders([root, tmp_path / "missing", root]) == (root / LIVE, root / PAPER)


def test_every_account_is_switched_off_and_the_files_that_were_there_are_named(root: Path):
    armed = [root / LIVE / "armed", root / PAPER / "armed"]
    latch_at(armed[0]).arm(by="ann")
    off = switch_off(armed, latch_at)
    assert (off.removed, off.problems) == ((armed[0],), ())
    assert not armed[0].exists()
    assert not latch_at(armed[1]).initialise_paper(), "a kill before the first start holds"


def test_one_that_cannot_be_switched_off_hides_no_other(root: Path):
    armed = [root / LIVE / "armed", root / PAPER / "armed"]
    latch_at(armed[1]).arm(by="ann")
    off = switch_off(armed, lambda path: StuckLatch() if path == armed[0] else latch_at(path))
    assert off.removed == (armed[1],)
    assert off.problems == ("the armed file could not be removed; delete it by hand",)


def test_live_accounts_are_named_by_folder_journal_and_the_end_of_their_number(root: Path, tmp_path: Path):
    logs = tmp_path / "logs"
    (root / LIVE / "journal.json").write_text(json.dumps({"v": 1, "journal": str(logs / "orders-live-0001.jsonl")}))
    other = root / "live-fedcba9876543210"
    other.mkdir()
    (other / "journal.json").write_text("torn")
    logs.mkdir()
    for name in ("orders-live-0001.jsonl", "orders-live-0002.jsonl", "orders.jsonl"):
        (logs / name).touch()
    assert live_accounts(account_folders([root]), logs_dir=logs, state_of=state_of) == (
        f"the live account ...0001: state in {root / LIVE}, journal {logs / 'orders-live-0001.jsonl'}",
        f"the live account of an unknown number: state in {other}",
        f"the live account ...0002: journal {logs / 'orders-live-0002.jsonl'}",
    )


def test_where_there_are_no_logs_there_is_nothing_more_to_see(root: Path, tmp_path: Path):
    assert live_accounts([root / PAPER], logs_dir=tmp_path / "missing", state_of=state_of) == ()
