"""Looking for one order in the broker's list, which cannot be searched: by when it was made, and by our ``ref_id``."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trading_bot.order_management.models import OrderReport, RefId
from trading_bot.order_management.outcomes import Listing, UnreadRow
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.listing import Query, ids_of
from trading_bot.robinhood.order_rows import is_older_than, order_names
from trading_bot.robinhood.wire import wire_time
from trading_bot.values import replace


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSearch:
    """What is looked for, by the broker's clock; with ``created_before`` no further than where it should stand."""

    ref_id: RefId
    created_after: datetime
    created_before: datetime | None

    @classmethod
    def at(
        cls, clock: BrokerClock, ref_id: RefId, *, created_after: datetime, created_before: datetime | None
    ) -> "OrderSearch":
        """Search between two moments of our clock, as far apart as the broker's clock makes it necessary."""
        return cls(
            ref_id=ref_id,
            created_after=clock.earliest(created_after),
            created_before=None if created_before is None else clock.latest(created_before),
        )

    @property
    def query(self) -> Query:
        """What asks for the page to begin with: the newest orders, or those created before ``created_before``.

        The cursor has the form that those in the broker's own links have. That it takes one that we made is inferred,
        so nothing may rest on such a search but an order that it shows.
        """
        since = ("updated_at[gte]", wire_time(self.created_after))
        if self.created_before is None:
            return (since,)
        position = f"p={self.created_before.isoformat(sep=' ')}"
        return since, ("cursor", base64.b64encode(position.encode()).decode())

    def is_over(self, rows: Sequence[object]) -> bool:
        """Whether a page shows the order, or nothing but older ones: the broker lists the newest orders first.

        A row that may be newer than ``created_before`` ends the search too, because the cursor was not understood.
        """
        is_shown = any(order_names(row)[1] == self.ref_id.lower() for row in rows)
        is_below = bool(rows) and all(is_older_than(row, self.created_after) for row in rows)
        before = self.created_before
        return is_shown or is_below or not (before is None or all(is_older_than(row, before) for row in rows))

    def looked_for(self, listing: Listing) -> Listing:
        """Keep the order, and the rows that do not say whose they are: those could be it too.

        The listing is complete where it shows the order, or was read from the newest order to its end without it.
        """
        ref_id = self.ref_id.lower()
        reports = tuple(report for report in listing.reports if report.ref_id == ref_id)
        nameless = tuple(_nameless(report) for report in listing.reports if report.ref_id is None)
        unread = tuple(row for row in listing.unread if row.ref_id in (None, ref_id))
        has_all_pages = listing.has_all_pages and self.created_before is None
        shows_absence = has_all_pages and not (nameless or unread)
        complete = listing.problem is None and (bool(reports) or shows_absence)
        return replace(
            listing,
            reports=reports,
            unread=(*unread, *nameless),
            unreadable_ids=ids_of(row for row in unread if row.ref_id is not None),
            complete=complete,
            has_all_pages=has_all_pages,
            problem=listing.problem or (None if complete else _told((*unread, *nameless))),
        )


def _told(rows: Sequence[UnreadRow]) -> str | None:
    return "; ".join(dict.fromkeys(row.problem for row in rows)) or None


def _nameless(report: OrderReport) -> UnreadRow:
    return UnreadRow(
        problem=f"order {report.order_id} does not say under which reference it was placed",
        order_id=report.order_id,
        instrument_id=report.instrument_id,
        symbol=report.symbol if report.symbol_is_known else None,
        side=report.side,
        quantity=report.quantity,
        cumulative_quantity=report.cumulative_quantity,
        limit_price=report.limit_price,
        state=report.state if report.state_is_known else None,
        broker_state=report.broker_state,
        created_at=report.created_at,
    )
