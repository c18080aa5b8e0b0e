"""Lists at the broker, page by page: whole, or openly not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderId, OrderReport, RefId
from trading_bot.order_management.outcomes import Listing
from trading_bot.robinhood.session import BASE_URL, UnreadableReplyError
from trading_bot.robinhood.wire import has_ended, order_account_number, order_names

MAX_PAGES = 200

_NEVER = datetime.min.replace(tzinfo=UTC)

Query: TypeAlias = tuple[tuple[str, str], ...]
Get: TypeAlias = Callable[[str, Query], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The rows of a paged list; ``problem`` says why some are missing."""

    rows: tuple[object, ...]
    problem: OrderStatusError | None


class FilterIgnoredError(OrderStatusError):
    """A list of open orders shows one that has ended: the broker did not heed what was asked for."""


def open_orders_alone(get: Get) -> Get:
    """Return a ``get`` that raises `FilterIgnoredError` for a page that shows an ended order."""

    def get_open(path: str, query: Query) -> object:
        page = get(path, query)
        rows = page.get("results") if isinstance(page, dict) else None
        if isinstance(rows, list) and any(has_ended(row) for row in rows):
            raise FilterIgnoredError("the broker lists ended orders among the open ones; list by time instead")
        return page

    return get_open


def walk_pages(get: Get, path: str, query: Query) -> Pages:
    """Read every page of a list. Never raises for a page that cannot be read."""
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
    return Pages(rows=tuple(rows), problem=None)


def rows_naming(pages: Pages, ref_id: RefId) -> Pages:
    """Keep the rows of one order; a row that does not say whose it is could be that order, and makes a problem."""
    nameless = any(not isinstance(row, dict) or "ref_id" not in row for row in pages.rows)
    return Pages(
        rows=tuple(row for row in pages.rows if order_names(row)[1] == ref_id.lower()),
        problem=pages.problem or (OrderStatusError("a row names no order; read the list again") if nameless else None),
    )


def read_orders(
    pages: Pages,
    *,
    account_number: str,
    parse: Callable[[object], OrderReport],
) -> Listing:
    """Turn rows into reports, each checked here because the broker ignores filters it does not know.

    Rows of other accounts are left out. An order on two pages counts once, in its newest version. A row that cannot be
    read makes the listing incomplete.
    """
    table = _Table(has_all_pages=pages.problem is None, problems=[] if pages.problem is None else [str(pages.problem)])
    for row in pages.rows:
        if order_account_number(row) not in (None, account_number):
            continue
        try:
            table.add(parse(row))
        except (OrderStatusError, UnreadableReplyError) as error:
            table.problems.append(str(error))
            table.unreadable.append(order_names(row)[0])
    return table.listing()


@dataclass(slots=True, kw_only=True)
class _Table:
    has_all_pages: bool
    problems: list[str]
    reports: dict[OrderId, OrderReport] = field(default_factory=dict)
    unreadable: list[OrderId | None] = field(default_factory=list)

    def add(self, report: OrderReport) -> None:
        known = self.reports.get(report.order_id)
        if known is None or _version(report) > _version(known):
            self.reports[report.order_id] = report

    def listing(self) -> Listing:
        return Listing(
            reports=tuple(self.reports.values()),
            complete=not self.problems,
            has_all_pages=self.has_all_pages,
            unreadable_ids=tuple(dict.fromkeys(order_id for order_id in self.unreadable if order_id is not None)),
            problem="; ".join(dict.fromkeys(self.problems)) or None,
        )


def _version(report: OrderReport) -> tuple[datetime, Decimal]:
    return report.updated_at or _NEVER, report.cumulative_quantity


def _problem(what: str, path: str) -> OrderStatusError:
    return OrderStatusError(f"listing {path.strip('/')}: {what}; nothing was concluded, list again")


def _page(obj: object, path: str) -> tuple[Iterable[object], Query | None]:
    results = obj.get("results") if isinstance(obj, dict) else None
    if not isinstance(obj, dict) or not isinstance(results, list):
        raise UnreadableReplyError("a page holds no list of results")
    # Only an explicit null ends the list: a page that does not say may have been cut short.
    if "next" not in obj:
        raise UnreadableReplyError("a page does not say whether another one follows")
    following = obj["next"]
    return results, None if following is None else _next_query(following, path)


def _next_query(url: object, path: str) -> Query:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or f"{parts.scheme}://{parts.netloc}" != BASE_URL or parts.path != path:
        raise UnreadableReplyError("the link to the next page leads elsewhere and was not followed")
    return tuple(parse_qsl(parts.query, keep_blank_values=True))
