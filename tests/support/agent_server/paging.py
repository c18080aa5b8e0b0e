"""Pages of a list, continued by a cursor in either of the two forms that the server had."""

import base64
import enum
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus, urlencode

from tests.support.agent_server.refusals import ToolRefusalError

FIRST_PAGE_AGAIN = "cD1sb29w"
"""A cursor that leads nowhere new."""


class CursorForm(enum.StrEnum):
    """Since October a cursor is a value to pass on as it is; before, it stood in an address."""

    OPAQUE = "opaque"
    ADDRESS = "address"


def page_of(
    rows: Sequence[Mapping[str, object]], arguments: Mapping[str, object], *, size: int, form: CursorForm, by: str
) -> tuple[list[Mapping[str, object]], str | None]:
    """One page of ``rows``, newest first, and what continues it; ``by`` is the field that cursors count in."""
    begin = _start(rows, arguments.get("cursor"), by)
    shown = list(rows[begin : begin + size])
    if begin + size >= len(rows):
        return shown, None
    cursor = base64.b64encode(f"p={quote_plus(str(shown[-1][by]))}".encode()).decode().rstrip("=")
    if form is CursorForm.OPAQUE:
        return shown, cursor
    account = str(arguments.get("account_number", ""))
    return shown, "https://api.robinhood.com/orders/?" + urlencode({"cursor": cursor, "account_numbers": account})


def _start(rows: Sequence[Mapping[str, object]], cursor: object, by: str) -> int:
    if cursor in (None, "", FIRST_PAGE_AGAIN):
        return 0
    for number, row in enumerate(rows):
        mark = base64.b64encode(f"p={quote_plus(str(row[by]))}".encode()).decode().rstrip("=")
        if mark == cursor:
            return number + 1
    raise ToolRefusalError(f'invalid cursor "{cursor}"')
