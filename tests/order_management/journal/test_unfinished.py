"""An import that was interrupted is known by what stands in the database, whichever version left it."""

import pytest

from tests.support.journal_engines import MemoryEngine, sealed
from tests.support.order_story import intended
from trading_bot.order_management.journal.port import Commit, JournalReader, Pointer
from trading_bot.order_management.journal.unfinished import is_unfinished


def holding(*standing: tuple[str, str]) -> JournalReader:
    """A journal with a record that counts for these kinds and keys."""
    engine = MemoryEngine()
    journal = engine.journal()
    opened = journal.open()
    records = sealed(opened.head, intended())
    pointers = tuple(Pointer(kind=kind, key=key, seq=records[0].record.seq) for kind, key in standing)
    journal.commit(Commit(records=records, standing=pointers))
    return engine.reader()


def test_a_database_without_a_record_holds_no_journal_yet():
    assert is_unfinished(MemoryEngine().reader())


@pytest.mark.parametrize(
    ("standing", "is_part"),
    [
        (("import_v1", "records"), True),
        (("import_v1", "files"), False),
        (("order", "records"), False),
    ],
)
def test_the_word_under_which_an_import_is_stored_never_changes(standing, is_part):
    assert is_unfinished(holding(standing)) is is_part


def test_a_journal_that_was_never_imported_is_whole():
    assert not is_unfinished(holding())
