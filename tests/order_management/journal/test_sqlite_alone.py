"""A journal that cannot be shared is read alone, where nobody else has it open."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import child_environment
from tests.support.order_story import intended
from tests.support.stored_journal import ACCOUNT, StoredJournal
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.port import JournalMissingError
from trading_bot.order_management.journal.sqlite_alone import ExclusiveReader, SharedOrAloneReader
from trading_bot.order_management.models import ClientOrderId

READ = """
import sys
from pathlib import Path
from trading_bot.order_management.journal.sqlite_alone import SharedOrAloneReader
print(SharedOrAloneReader(Path(sys.argv[1]), account_key=sys.argv[2], busy_timeout_s=0).read_head().seq)
"""


@pytest.fixture
def bench(tmp_path: Path) -> StoredJournal:
    return StoredJournal(tmp_path).tell(intended("a"), intended("b"))


def test_beside_a_bot_it_is_shared(bench):
    reader = SharedOrAloneReader(bench.database, account_key=ACCOUNT)
    bench.tell(intended("c"))
    assert reader.read_head().seq == 4
    bench.close()


def test_a_database_that_nobody_has_open_can_be_read_alone(bench):
    bench.close()
    alone = ExclusiveReader(bench.database, account_key=ACCOUNT)
    assert [record.fact.client_order_id for record in alone.records_of(ClientOrderId("a"))] == ["a"]


def test_a_database_that_a_bot_has_open_cannot_be_read_alone(bench):
    with pytest.raises(OrderLogError, match="cannot be read"):
        ExclusiveReader(bench.database, account_key=ACCOUNT, busy_timeout_s=0).read_head()
    bench.close()


@pytest.mark.subprocess
@pytest.mark.parametrize("is_open", [False, True], ids=["nobody has it open", "a bot has it open"])
def test_on_a_full_disk_it_is_read(bench, is_open, tmp_path):
    if not is_open:
        bench.close()
    done = subprocess.run(
        [sys.executable, "-c", READ, str(bench.database), ACCOUNT],
        env=child_environment(tmp_path),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    assert (done.stdout, done.stderr) == ("3\n", "")
    bench.close()


def test_the_reason_why_it_cannot_be_shared_is_told_where_it_cannot_be_read_alone_either(bench, tmp_path):
    bench.close()
    bench.database.unlink()
    bench.database.mkdir()
    with pytest.raises(OrderLogError, match="cannot be read \\("):
        SharedOrAloneReader(bench.database, account_key=ACCOUNT).read_head()


def test_what_is_missing_or_damaged_is_not_tried_alone(bench):
    bench.close()
    bench.database.write_bytes(b"rubbish" * 999)
    with pytest.raises(OrderLogDamagedError):
        SharedOrAloneReader(bench.database, account_key=ACCOUNT).read_head()
    bench.database.unlink()
    with pytest.raises(JournalMissingError):
        SharedOrAloneReader(bench.database, account_key=ACCOUNT).read_head()
