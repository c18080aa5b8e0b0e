"""The contract of every journal, over a real PostgreSQL: each of its tests runs here with another engine."""

from collections.abc import Iterator
from dataclasses import replace
from inspect import signature

import pytest

from tests.contract import test_journals
from tests.support.journal_engines import OURS
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_proxy import proxy_to
from tests.support.postgres_server import PostgresServer
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.port import Journal
from trading_bot.order_management.models import ExecutionMode

pytestmark = pytest.mark.subprocess

_OF_ONE_ACCOUNT = {
    "test_the_journal_of_another_account_or_mode_is_refused",
    "test_an_account_number_in_other_letters_gets_a_hint",
}
"""A server keeps the rows of many accounts apart."""

globals().update(
    {
        name: rule
        for name, rule in vars(test_journals).items()
        if name.startswith("test_")
        and name not in _OF_ONE_ACCOUNT
        and {"engine", "journal"}.intersection(signature(rule).parameters)
    }
)


@pytest.fixture
def engine(postgres: PostgresServer) -> Iterator[PostgresBench]:
    with proxy_to(postgres.socket) as proxy:
        bench = PostgresBench(postgres, proxy=proxy)
        yield bench
        bench.close()


@pytest.fixture
def journal(engine: PostgresBench) -> Journal:
    made = engine.journal()
    made.open()
    return made


def test_the_journal_of_another_mode_is_refused(engine, journal):
    journal.close()
    with pytest.raises(OrderLogError, match=r"belongs to another account or mode \(paper, account ending in 4321\)"):
        engine.journal(replace(OURS, mode=ExecutionMode.LIVE)).open()
