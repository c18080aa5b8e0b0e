"""What one kill has found out so far, and how it sorts the orders of a listing: ours, foreign, or protective.

An order is ours if the journal has its broker's id or its ``ref_id``, or if it has our mark. Any other may be ours
only if it fits an intent in doubt, by the rule of `foreign`, and is cancelled then, too. A journal that could not be
read to its end may hide such an intent: so an order that names no sender is left alone and named.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from trading_bot.clock import Moment, Seconds
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.target import KillTarget, found, on_record
from trading_bot.order_management.book.approvals import protects
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.models import OrderId, OrderReport, RefId
from trading_bot.order_management.outcomes import Listing, UnreadRow
from trading_bot.order_management.sync.foreign import Intent, Row, Whose, classify, intent_of_order, is_well_formed

_UNREAD = "a row of the list could not be read"


@dataclass(slots=True, kw_only=True)
class KillRun:
    """What one kill has found out so far."""

    by: str
    reason: str
    began: Moment
    deadline: Seconds
    latch_problem: str | None
    arrives_within: timedelta
    """How long after its intent the broker can still make an order of it."""
    keeps_protective: bool = True
    known: KnownOrders = field(default_factory=KnownOrders)
    lock_problem: str | None = None
    quiet_from: Seconds | None = None
    """When the last send has arrived or never will; None while somebody may still be sending."""
    targets: dict[OrderId, KillTarget] = field(default_factory=dict)
    external: dict[OrderId, OrderReport] = field(default_factory=dict)
    external_unread: set[OrderId] = field(default_factory=set)
    possibly_ours: set[OrderId] = field(default_factory=set)
    """Open orders that name no sender, while the journal may hide the intent of one."""
    protective: dict[OrderId, OrderReport] = field(default_factory=dict)
    foreign: set[OrderId] = field(default_factory=set)
    """Every order that was once read as foreign: a later row of it that cannot be read does not change that."""
    seen: set[RefId | None] = field(default_factory=set)
    listed: frozenset[OrderId] = frozenset()
    has_shown_ours: bool = False
    """Whether the list of open orders has shown an order of ours: so it is this account's, and filters nothing else."""
    listing_problem: str | None = None
    control_problem: str | None = None
    proofs: int = 0
    was_interrupted: bool = False
    has_nameless_rows: bool = False
    """Whether the latest list has rows without an order's id, of which one may be any order that has not ended."""
    _in_doubt: tuple[Intent, ...] = ()
    _echoes_ref_ids: bool = False
    _by_order_id: dict[OrderId, TrackedOrder] = field(default_factory=dict)
    _by_ref_id: dict[RefId, TrackedOrder] = field(default_factory=dict)

    def know(self, known: KnownOrders) -> None:
        """Take what the journal tells; what it has as working is to be cancelled."""
        self.known = known
        self._by_ref_id = {order.envelope.ref_id: order for order in known.orders}
        self._in_doubt = tuple(
            intent_of_order(order, send_horizon=order.envelope.created_at + self.arrives_within)
            for order in known.unresolved
        )
        for order in known.orders:
            if (order_id := order.envelope.order_id) is not None:
                self._by_order_id[order_id] = order
                if order.state.is_working and not (self.keeps_protective and protects(order)):
                    self.targets.setdefault(order_id, on_record(order, order_id))

    def record_of(self, order_id: OrderId | None, ref_id: RefId | None) -> TrackedOrder | None:
        """Return the journal's order that has either of the broker's names."""
        by_order_id = None if order_id is None else self._by_order_id.get(order_id)
        return by_order_id or (None if ref_id is None else self._by_ref_id.get(ref_id))

    def open_targets(self) -> list[KillTarget]:
        """Return those that are not proven to have ended."""
        return [target for target in self.targets.values() if not target.has_ended]

    def take_in(self, listing: Listing) -> None:
        """Sort in what a list of open orders shows, and what it no longer shows."""
        rows = tuple(unread_rows(listing))
        named = (row.ref_id for shown in (listing.reports, rows) for row in shown)
        self._echoes_ref_ids |= any(map(bears_our_mark, named))
        nameless = [row for row in rows if row.order_id is None]
        self.has_nameless_rows = not all(map(self._is_foreign, nameless))
        doubts = any(self._is_ours_or_may_be(row) or self._is_possibly_ours(row) for row in nameless)
        is_whole = listing.complete or (listing.has_all_pages and not doubts)
        self.listing_problem = None if is_whole else (listing.problem or "the listing was not complete")
        if is_whole:
            self._forget_others()
        shown = {report.order_id for report in listing.reports if self._sort_in(report)}
        shown |= {row.order_id for row in rows if row.order_id is not None and self._sort_in_row(row, row.order_id)}
        self.listed = frozenset(shown)
        self.has_shown_ours |= bool(self.listed)
        if is_whole:
            self._forget_states_of_unlisted()

    def _sort_in(self, report: OrderReport) -> bool:
        """Whether the order is to be cancelled."""
        target = self.targets.get(report.order_id)
        if target is None and not self._is_ours_or_may_be(report):
            if self._is_possibly_ours(report):
                self.possibly_ours.add(report.order_id)
            else:
                self.external[report.order_id] = report
                self.foreign.add(report.order_id)
            return False
        self.seen.add(report.ref_id)
        target = target or found(report.order_id, self.record_of(report.order_id, report.ref_id))
        target.take(report)
        if self.keeps_protective and report.is_protective and not target.awaits_approval:
            self.protective[report.order_id] = report
            self.targets.pop(report.order_id, None)
            return False
        self.targets.setdefault(report.order_id, target)
        target.shown = report.state
        return True

    def _sort_in_row(self, row: UnreadRow, order_id: OrderId) -> bool:
        tracked = self.record_of(order_id, row.ref_id)
        is_known = order_id in self.targets or tracked is not None
        if not is_known and (order_id in self.foreign or not self._is_ours_or_may_be(row)):
            left_alone = self.possibly_ours if self._is_possibly_ours(row) else self.external_unread
            left_alone.add(order_id)
            return False
        self.seen.add(row.ref_id)
        self.targets.setdefault(order_id, found(order_id, tracked)).take_row(row)
        return True

    def _is_ours_or_may_be(self, row: Row) -> bool:
        order = self.record_of(row.order_id, row.ref_id)
        owned = classify(row, order=order, in_doubt=self._in_doubt, echoes_ref_ids=self._echoes_ref_ids)
        return owned.whose is not Whose.FOREIGN

    def _is_possibly_ours(self, row: Row) -> bool:
        names_nobody = row.order_id not in self.foreign and not is_well_formed(row.ref_id)
        return names_nobody and self.known.problem is not None

    def _is_foreign(self, row: Row) -> bool:
        return is_well_formed(row.ref_id) and not self._is_ours_or_may_be(row)

    def _forget_others(self) -> None:
        # Only whole listings say what is gone.
        self.protective.clear()
        self.external.clear()
        self.external_unread.clear()
        self.possibly_ours.clear()

    def _forget_states_of_unlisted(self) -> None:
        for order_id in self.targets.keys() - self.listed:
            if not self.targets[order_id].has_ended:
                self.targets[order_id].state = None


def unread_rows(listing: Listing) -> Iterable[UnreadRow]:
    """Return the rows of orders that are open, or may be, and could not be read in full."""
    named = {row.order_id for row in listing.unread}
    yield from (row for row in listing.unread if row.state is None or not row.state.is_terminal)
    yield from (
        UnreadRow(problem=_UNREAD, order_id=order_id) for order_id in listing.unreadable_ids if order_id not in named
    )
