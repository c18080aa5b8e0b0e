"""Whether a journal of version 0.1 has been taken over into the database in part only."""

from trading_bot.order_management.journal.port import JournalMissingError, JournalReader

IMPORT = "import_v1"
"""The kind of the pointer that says how far an import is."""

RECORDS, FILES = "records", "files"


def is_unfinished(reader: JournalReader) -> bool:
    """Whether the database holds nothing yet, or a part of a journal of 0.1 only.

    Then files of 0.1, if there are any, are the journal still.

    Raises:
        OrderLogError: the database cannot be read.
    """
    try:
        return reader.read_head().seq == 0 or any(pointer.key == RECORDS for pointer in reader.pointers(IMPORT))
    except JournalMissingError:
        return True
