"""Whose journal it is: its first record says so, and one of another account or mode is refused."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.order_story import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, seal
from trading_bot.order_management.journal.identity import (
    JournalIdentity,
    check_first_record,
    first_record,
    is_begun_in_a_database,
    opening,
)
from trading_bot.order_management.models import ExecutionMode

OURS = JournalIdentity(mode=ExecutionMode.LIVE, account_key="0123456789abcdef", account_suffix="0001")
THEIRS = replace(OURS, account_key="fedcba9876543210", account_suffix="0002")


def begun(identity: JournalIdentity) -> JournalRecord:
    clock = VirtualClock(MONDAY)
    clock.sleep(1.5)
    return first_record(identity, clock=clock, session_id="session-1").record


def test_a_new_journal_begins_with_its_mode_and_its_account_and_that_it_is_kept_in_a_database():
    record = begun(OURS)
    assert (record.seq, record.prev, record.session_id) == (1, ChainHead.genesis().hash, "session-1")
    assert (record.fact.event, record.fact.execution_mode) == (EventKind.JOURNAL_OPENED, ExecutionMode.LIVE)
    assert record.fact.details == {"account_key": OURS.account_key, "account_suffix": "0001", "kept_in": "database"}
    assert str(record.mono) == "1.500000"


def test_one_of_version_0_1_says_nothing_of_a_database():
    old = seal(opening(OURS), head=ChainHead.genesis(), ts=MONDAY, mono=Decimal(0), session_id="s1").record
    assert old.fact.details == {"account_key": OURS.account_key, "account_suffix": "0001"}
    assert old.fact.execution_mode is ExecutionMode.LIVE
    assert (is_begun_in_a_database(old), is_begun_in_a_database(begun(OURS))) == (False, True)


def test_its_own_account_and_mode_pass():
    check_first_record(begun(OURS), identity=OURS, journal="journal.db")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (THEIRS, "live, account ending in 0002"),
        (replace(OURS, mode=ExecutionMode.PAPER), "paper, account ending in 0001"),
    ],
)
def test_another_account_or_mode_is_refused_with_what_the_journal_says(other: JournalIdentity, told: str):
    with pytest.raises(OrderLogError, match=rf"the journal journal.db belongs to another account or mode \({told}\)"):
        check_first_record(begun(other), identity=OURS, journal="journal.db")


def test_the_same_account_in_other_letters_is_told_which_letters_the_journal_has():
    spelled = replace(OURS, spellings={THEIRS.account_key: "small letters"})
    with pytest.raises(OrderLogError, match=r"\(...0001\) is not written as the account .* which has small letters"):
        check_first_record(begun(THEIRS), identity=spelled, journal="journal.db")
    with pytest.raises(OrderLogError, match="another account or mode"):
        check_first_record(begun(replace(THEIRS, mode=ExecutionMode.PAPER)), identity=spelled, journal="journal.db")
