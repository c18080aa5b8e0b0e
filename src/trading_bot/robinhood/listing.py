"""Lists at the broker, page by page: whole, or openly not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlsplit

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderId, OrderReport
from trading_bot.order_management.outcomes import Listing, UnreadRow
from trading_bot.robinhood.fields import word
from trading_bot.robinhood.order_rows import has_ended, order_account_number
from trading_bot.robinhood.session import BASE_URL, UnreadableReplyError
from trading_bot.values import Value

MAX_PAGES = 200

ANOTHER_ACCOUNT = (
    "the reply shows an order of another account than the one asked for; nothing was concluded, list again"
)
_NEVER = datetime.min.replace(tzinfo=UTC)

Query: TypeAlias = tuple[tuple[str, str], ...]
Get: TypeAlias = Callable[[str, Query], object]
EndsReading: TypeAlias = Callable[[Sequence[object]], bool]
"""Whether what is looked for is on this page of rows, or on none that follows."""


class Pages(Value, frozen=True, kw_only=True):
    """The rows of a paged list; ``problem`` says why some are missing."""

    rows: tuple[object, ...]
    problem: OrderStatusError | None
    ended_early: bool = False
    """Whether reading stopped before the last page, because what was looked for is on none of those left."""

    @property
    def are_all(self) -> bool:
        """Whether every page was read."""
        return self.problem is None and not self.ended_early


class FilterIgnoredError(OrderStatusError):
    """A list of open orders shows one that has ended: the broker ignored the filter of the request."""


def open_orders_alone(get: Get) -> Get:
    """Return a ``get`` that raises `FilterIgnoredError` for a page that shows an ended order."""

    def get_open(path: str, query: Query) -> object:
        page = get(path, query)
        rows = page.get("results") if isinstance(page, dict) else None
        if isinstance(rows, list) and any(has_ended(row) for row in rows):
            raise FilterIgnoredError("the broker lists ended orders among the open ones; list by time instead")
        return page

    return get_open


def walk_pages(get: Get, path: str, query: Query, *, until: EndsReading | None = None) -> Pages:
    """Read every page of a list, or up to the page whose rows fulfil ``until``. Never raises for a page."""
    rows: list[object] = []
    seen: set[Query] = set()
    step: Query | None = query
    while step is not None:
        if step in seen or len(seen) >= MAX_PAGES:
            return Pages(rows=tuple(rows), problem=_problem(f"it goes in circles or beyond {MAX_PAGES} pages", path))
        seen.add(step)
        try:
            found, step = _page(get(path, step), path)
        except OrderStatusError as error:
            return Pages(rows=tuple(rows), problem=error)
        except UnreadableReplyError as error:
            return Pages(rows=tuple(rows), problem=_problem(str(error), path))
        rows += found
        if until is not None and until(found):
            return Pages(rows=tuple(rows), problem=None, ended_early=step is not None)
    return Pages(rows=tuple(rows), problem=None)


def read_orders(
    pages: Pages,
    *,
    account_number: str,
    read: Callable[[object], OrderReport | UnreadRow],
) -> Listing:
    """Turn rows into reports, each checked here because the broker ignores filters it does not know.

    A row that names another account voids the whole reply: nobody knows then whose the other rows are. An order on two
    pages counts once, in its newest version. A row that cannot be read is listed apart and hides no other.
    """
    if any(is_elsewhere(order_account_number(row), account_number) for row in pages.rows):
        return Listing(reports=(), complete=False, problem=ANOTHER_ACCOUNT)
    table = _Table()
    for row in pages.rows:
        table.add(read(row))
    return table.listing(pages)


def order_remarks(listing: Listing) -> Iterator[str]:
    """Say what in a listing was not understood."""
    for row in listing.unread:
        yield row.problem
    for report in listing.reports:
        if not report.state_is_known:
            yield f"order {report.order_id}: the state {report.broker_state} is a word that is not known"


def is_elsewhere(named: str | None, account_number: str) -> bool:
    """Whether a row names another account than ours; one that names none does not."""
    return named is not None and word(named) != word(account_number)


@dataclass(slots=True, kw_only=True)
class _Table:
    reports: dict[OrderId, OrderReport] = field(default_factory=dict)
    unread: list[UnreadRow] = field(default_factory=list)

    def add(self, row: OrderReport | UnreadRow) -> None:
        if isinstance(row, UnreadRow):
            self.unread.append(row)
            return
        known = self.reports.get(row.order_id)
        if known is None or _version(row) > _version(known):
            self.reports[row.order_id] = row

    def listing(self, pages: Pages) -> Listing:
        return Listing(
            reports=tuple(self.reports.values()),
            complete=pages.are_all and not self.unread,
            has_all_pages=pages.are_all,
            unreadable_ids=ids_of(self.unread),
            unread=tuple(self.unread),
            problem=None if pages.problem is None else str(pages.problem),
        )


def ids_of(rows: Iterable[UnreadRow]) -> tuple[OrderId, ...]:
    """Return the ids that rows name, each once."""
    return tuple(dict.fromkeys(row.order_id for row in rows if row.order_id is not None))


def _version(report: OrderReport) -> tuple[datetime, bool, Decimal]:
    changed_at = report.updated_at or report.last_transaction_at or _NEVER
    return changed_at, report.state.is_terminal, report.cumulative_quantity


def _problem(what: str, path: str) -> OrderStatusError:
    return OrderStatusError(f"listing {path.strip('/')}: {what}; nothing was concluded, list again")


def _page(obj: object, path: str) -> tuple[list[object], Query | None]:
    results = obj.get("results") if isinstance(obj, dict) else None
    if not isinstance(obj, dict) or not isinstance(results, list):
        raise UnreadableReplyError("a page holds no list of results")
    # Only an explicit null or empty text ends the list: a page that does not say may have been cut short.
    if "next" not in obj:
        raise UnreadableReplyError("a page does not say whether another one follows")
    following = obj["next"]
    return results, None if following in (None, "") else _next_query(following, path)


def _next_query(url: object, path: str) -> Query:
    # Only the query is taken over, so that the spelling of the rest cannot lead anywhere but to this list.
    elsewhere = "the link to the next page leads elsewhere and was not followed"
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError as error:  # a text such as "http://[" is no address at all
        raise UnreadableReplyError(elsewhere) from error
    if parts is None or not (_is_ours(parts) and f"{parts.path.rstrip('/')}/" == path):
        raise UnreadableReplyError(elsewhere)
    return tuple(parse_qsl(parts.query, keep_blank_values=True))


def _is_ours(link: SplitResult) -> bool:
    ours = urlsplit(BASE_URL)
    # A lone surrogate, which JSON can hold, could not be sent on; a link holds none but ASCII characters.
    if not link.query.isascii():
        return False
    return link.scheme in ("", "http", ours.scheme) and link.netloc.lower().removesuffix(":443") in ("", ours.netloc)
