"""Bugs to be caught: each is a small, plausible mistake, planted into the product for the length of one test.

This is the one place where patching our own code is the point: the checker is on trial, not the product.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any, TypeAlias

import pytest

from tests.simulation.planted_database_bugs import DATABASE
from tests.simulation.planted_journal_bugs import JOURNAL
from tests.simulation.planted_lasting_bugs import LASTING
from tests.simulation.planted_limit_bugs import LIMITS
from tests.simulation.planted_principle_bugs import PRINCIPLES
from tests.simulation.planted_room_bugs import ROOMS
from tests.support.memory_journal import MemoryJournal
from tests.support.sim_schedule import SENDING_AGAIN
from trading_bot.account.reservations import TakenSince
from trading_bot.latch import Latch
from trading_bot.lease import Lease
from trading_bot.order_management import event_details, gateways, lifecycle, models, reconciliation
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.cancel.cancel_all import CancelEverything
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import OrderNotFoundError, TradingHaltedError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.lifecycle import Move, MoveKind
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import ExecutionMode, OrderId, OrderReport, OrderState, RefId
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.outcomes import CancelTaken, NotSent, Rejected, Unknown
from trading_bot.order_management.ports import ArmingId, LatchLook
from trading_bot.order_management.results import CancelVerdict
from trading_bot.order_management.rounds import SyncService
from trading_bot.order_management.submit import placement, pricing, protocol
from trading_bot.order_management.submit.send_gate import SendGate
from trading_bot.order_management.sync import search, synchronizer
from trading_bot.order_management.sync.freshness import Freshness
from trading_bot.robinhood import classify, session
from trading_bot.values import settle

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _real(module: ModuleType, name: str) -> Any:
    return getattr(module, name)


def _answering(change: Callable[[object], object]) -> Plant:
    """Change what a submit is taken to have ended in."""
    real = _real(gateways, "classify_submit")

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(gateways, "classify_submit", lambda *args, **named: change(real(*args, **named)))

    return plant


def _sends_another(change: Callable[[str], str]) -> Plant:
    """Change an order's form between the record and the wire."""
    real = _real(gateways, "order_body")

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(gateways, "order_body", lambda *args, **named: change(real(*args, **named).decode()).encode())

    return plant


def _resent_after_unknown(patch: pytest.MonkeyPatch) -> None:
    _answering(lambda it: NotSent(cause="x", may_retry=True) if isinstance(it, Unknown) else it)(patch)


def _fresh_ref_id_on_retry(patch: pytest.MonkeyPatch) -> None:
    real = RobinhoodGateway.submit_limit_buy
    seen: set[str] = set()

    def submit(self, intent, **named):
        if intent.ref_id in seen:
            other = str(uuid.uuid5(uuid.NAMESPACE_OID, str(len(seen))))
            intent = replace(intent)
            settle(intent, "body", intent.body.replace(intent.ref_id.encode(), other.encode()))
        seen.add(intent.ref_id)
        return real(self, intent, **named)

    patch.setattr(RobinhoodGateway, "submit_limit_buy", submit)


def _part_of_a_list_proves_absence(patch: pytest.MonkeyPatch) -> None:
    read, judge = _real(gateways, "read_orders"), _real(search, "classify_absence")
    parts: list[bool] = [False]

    def read_orders(*args, **named):
        listing = read(*args, **named)
        parts[0] = not listing.has_all_pages
        return replace(listing, complete=True, problem=None)

    def classify_absence(order, *, listing_began, **named):
        if not parts[0] or not order.state.is_unresolved:
            return judge(order, listing_began=listing_began, **named)
        return replace(
            about(order.envelope, EventKind.ORDER_NEVER_ACCEPTED),
            status=OrderState.NEVER_ACCEPTED,
            occurred_at=listing_began,
        )

    patch.setattr(gateways, "read_orders", read_orders)
    patch.setattr(search, "classify_absence", classify_absence)
    patch.setattr(search.AbsenceSearch, "control_problem", lambda *_, **__: None)


def _first_page_is_all(patch: pytest.MonkeyPatch) -> None:
    real = _real(gateways, "walk_pages")

    def first_page(get, path, query, **named):
        return real(lambda path, query: {**get(path, query), "next": None}, path, query, **named)

    patch.setattr(gateways, "walk_pages", first_page)


def _cancel_believed_on_200(patch: pytest.MonkeyPatch) -> None:
    asked: set[OrderId] = set()
    cancel, fetch = RobinhoodGateway.cancel_order, RobinhoodGateway.fetch_order_status

    def cancel_order(self, order_id, **named):
        reply = cancel(self, order_id, **named)
        if isinstance(reply, CancelTaken):
            asked.add(order_id)
        return reply

    def fetch_order_status(self, order_id, **named):
        report = fetch(self, order_id, **named)
        return replace(report, state=OrderState.CANCELLED) if order_id in asked else report

    patch.setattr(RobinhoodGateway, "cancel_order", cancel_order)
    patch.setattr(RobinhoodGateway, "fetch_order_status", fetch_order_status)


def _counts_as_closed(verdict: CancelVerdict) -> Plant:
    """Take a cancel of this verdict for the proof that the order has ended."""
    real = CancelService.cancel

    def cancel(self, *args, **named):
        return tuple(
            replace(result, verdict=CancelVerdict.ALREADY_CLOSED) if result.verdict is verdict else result
            for result in real(self, *args, **named)
        )

    return lambda patch: patch.setattr(CancelService, "cancel", cancel)


def _not_found_means_cancelled(patch: pytest.MonkeyPatch) -> None:
    fetch = RobinhoodGateway.fetch_order_status
    last: dict[OrderId, OrderReport] = {}

    def fetch_order_status(self, order_id, **named):
        try:
            last[order_id] = report = fetch(self, order_id, **named)
        except OrderNotFoundError:
            if order_id not in last:
                raise
            return replace(last[order_id], state=OrderState.CANCELLED)
        return report

    patch.setattr(RobinhoodGateway, "fetch_order_status", fetch_order_status)


def _fills_forgotten_at_the_end(patch: pytest.MonkeyPatch) -> None:
    real = _real(synchronizer, "reconcile")

    def reconcile(order, report, **named):
        events = real(order, report, **named)
        if not report.state.is_terminal:
            return events
        return tuple(
            replace(event, filled_quantity=None) for event in events if event.event is not EventKind.EXECUTION_BOOKED
        )

    patch.setattr(synchronizer, "reconcile", reconcile)


def _last_fill_forgotten(patch: pytest.MonkeyPatch) -> None:
    real = _real(synchronizer, "reconcile")

    def reconcile(order, report, **named):
        return real(order, replace(report, executions=report.executions[1:]), **named)

    patch.setattr(synchronizer, "reconcile", reconcile)


def _fills_not_told_apart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconciliation, "_new_fills", lambda order, report: iter(report.executions))


def _every_report_moves_the_state(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconciliation, "classify", lambda current, reported: Move(state=reported, kind=MoveKind.ADVANCE))
    patch.setattr(lifecycle, "TRANSITIONS", dict.fromkeys(OrderState, frozenset(OrderState)))


def _one_ref_id_for_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(placement, "derive_ref_id", lambda *args: RefId("7b0712ad-0000-4000-8000-000000000000"))


def _mark_lost(patch: pytest.MonkeyPatch) -> None:
    real = _real(placement, "derive_ref_id")
    patch.setattr(placement, "derive_ref_id", lambda *args: RefId("0" * 8 + real(*args)[8:]))


class _AsItWas:
    """The latch as it was when the order was decided."""

    def __init__(self, arming: ArmingId | None) -> None:
        self._arming = arming

    def look(self) -> LatchLook:
        return LatchLook(arming=self._arming, not_armed=None, not_reducing=None)


def _latch_not_read_again(patch: pytest.MonkeyPatch) -> None:
    real = SendGate.__enter__

    def enter(self) -> None:
        self._latch = _AsItWas(self._arming)
        real(self)

    patch.setattr(SendGate, "__enter__", enter)


def _latch_not_read_at_all(patch: pytest.MonkeyPatch) -> None:
    armed = LatchLook(arming=ArmingId("always the same"), not_armed=None, not_reducing=None)
    patch.setattr(Latch, "look", lambda self: armed)


def _arming_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SendGate, "_is_armed_anew", lambda self, look: False)


def _armed_at_every_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Latch, "initialise_paper", lambda self: self.arm(by="start"))


def _first_byte_not_noted(patch: pytest.MonkeyPatch) -> None:
    real = session._failure
    patch.setattr(session, "_failure", lambda *a, **n: replace(real(*a, **n), first_byte_written=False))


def _absent_after_one_look(patch: pytest.MonkeyPatch) -> None:
    def classify_absence(order, *, listing_began, sent_until, rested_until, **named):
        del sent_until, rested_until, named
        if not order.state.is_unresolved:
            return None
        return replace(
            about(order.envelope, EventKind.ORDER_NEVER_ACCEPTED),
            status=OrderState.NEVER_ACCEPTED,
            occurred_at=listing_began,
        )

    patch.setattr(search, "classify_absence", classify_absence)


def _unresolved_reserves_nothing(patch: pytest.MonkeyPatch) -> None:
    real: Any = TrackedOrder.remaining_quantity

    def remaining(self) -> Decimal:
        return Decimal(0) if self.state.is_unresolved else real.fget(self)

    patch.setattr(TrackedOrder, "remaining_quantity", property(remaining))


def _presumed_absent_is_an_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(models, "_TERMINAL", models._TERMINAL | {OrderState.PRESUMED_ABSENT})
    patch.setattr(models, "_UNRESOLVED", models._UNRESOLVED - {OrderState.PRESUMED_ABSENT})


def _doubt_not_recorded(patch: pytest.MonkeyPatch) -> None:
    real = OrderStore.record_fact

    def record_fact(self, event):
        if event.event is not EventKind.ORDER_OUTCOME_UNKNOWN:
            real(self, event)
            return
        with self.open_book() as book:
            book.apply(self._numbered(event))
            book.pointers.take_changes()

    patch.setattr(OrderStore, "record_fact", record_fact)


def _interrupted_submits_not_doubted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SyncService, "_doubt_interrupted_submits", lambda self: None)


def _refusal_ends_a_doubt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(protocol, "_with_doubt", lambda outcome, doubt: outcome)


def _too_many_attempts(patch: pytest.MonkeyPatch) -> None:
    real = protocol.SubmitRules.of

    def of(settings):
        rules = real(settings)
        return replace(rules, retry=replace(rules.retry, max_attempts=9))

    patch.setattr(protocol.SubmitRules, "of", of)


def _no_deadline(patch: pytest.MonkeyPatch) -> None:
    real = protocol.SubmitRules.of

    def of(settings):
        return replace(real(settings), intent_ttl_s=500, submit_deadline_s=500)

    patch.setattr(protocol.SubmitRules, "of", of)


def _limit_outside_collar(patch: pytest.MonkeyPatch) -> None:
    real = _real(pricing, "price_terms")

    def dearer(*args, **named):
        priced = real(*args, **named)
        return replace(priced, limit_price=priced.limit_price + 1)

    patch.setattr(pricing, "price_terms", dearer)


def _cancels_everybodys_orders(patch: pytest.MonkeyPatch) -> None:
    real = CancelEverything.run

    def run(self, **named):
        return real(self, **(named | {"include_external": True}))

    patch.setattr(CancelEverything, "run", run)


def _deferred_cancels_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SyncService, "_fire_cancels", lambda self, done, **named: None)


def _account_not_locked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lease, "acquire", lambda self: None)
    patch.setattr(Lease, "ensure_owner", lambda self: None)


def _recorded_as_paper(patch: pytest.MonkeyPatch) -> None:
    real = _real(placement, "intent_of")
    patch.setattr(placement, "intent_of", lambda *a, **n: real(*a, **(n | {"mode": ExecutionMode.PAPER})))


def _kill_stops_cancels_too(patch: pytest.MonkeyPatch) -> None:
    real = OrderManager.cancel_all_open_orders

    def cancel_all(self, **named):
        if self.halted_because is not None:
            raise TradingHaltedError(self.halted_because)
        return real(self, **named)

    patch.setattr(OrderManager, "cancel_all_open_orders", cancel_all)


def _starts_a_new_journal(patch: pytest.MonkeyPatch) -> None:
    real = MemoryJournal.open

    def open_journal(self):
        self.storage.records.clear()
        self.storage.order_keys.clear()
        self.storage.standing.clear()
        return real(self)

    patch.setattr(MemoryJournal, "open", open_journal)


def _replies_not_masked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(classify, "error_text", lambda body: body.decode(errors="replace"))


def _server_error_is_a_refusal(it: object) -> object:
    is_server_error = isinstance(it, Unknown) and "HTTP 5" in it.cause
    return Rejected(reason="x", status_code=500) if is_server_error else it


def _view_never_old(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Freshness, "stale_because", lambda self: None)


def _dropped_cancels_left_alone(patch: pytest.MonkeyPatch) -> None:
    real = synchronizer.Synchronizer.run

    def run(self, **named):
        done = real(self, **named)
        return replace(done, acknowledged=frozenset(order.client_order_id for order in self._store._book.working()))

    patch.setattr(synchronizer.Synchronizer, "run", run)


def _stale_snapshot_lets_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TakenSince, "reserved", lambda *_: Decimal(0))


def _stops_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(models.OrderEnvelope, "is_stop", property(lambda _order: False))


def _stops_are_not_folded(patch: pytest.MonkeyPatch) -> None:
    real = event_details.IntentDetails.of
    patch.setattr(event_details.IntentDetails, "of", lambda fact: replace(real(fact), stop_price=None))


PLANTED: Mapping[str, Plant] = {
    "a stop goes out without its stop": _sends_another(lambda form: form.replace("trigger=stop", "trigger=immediate")),
    "a cancel of everything takes the stops": _stops_are_not_kept,
    "a restart forgets what an order waits for": _stops_are_not_folded,
    "a stale snapshot lets an order out": _stale_snapshot_lets_out,
    "an order rests on an old view": _view_never_old,
    "a dropped cancel is not asked for again": _dropped_cancels_left_alone,
    "an unknown outcome is sent again": _resent_after_unknown,
    "a refused second request ends the doubt about the first": _refusal_ends_a_doubt,
    "an unknown outcome is booked as not sent": _answering(
        lambda it: NotSent(cause="x", may_retry=False) if isinstance(it, Unknown) else it
    ),
    "a server error is booked as a refusal": _answering(_server_error_is_a_refusal),
    "a retry gets a fresh ref_id": _fresh_ref_id_on_retry,
    "all orders share one ref_id": _one_ref_id_for_all,
    "the ref_id does not bear our mark": _mark_lost,
    "part of a list proves absence": _part_of_a_list_proves_absence,
    "the first page is taken for all": _first_page_is_all,
    "one look proves absence": _absent_after_one_look,
    "a cancel is believed on 200": _cancel_believed_on_200,
    "a refused cancel counts as closed": _counts_as_closed(CancelVerdict.REFUSED),
    "a cancel that the broker has taken counts as closed": _counts_as_closed(CancelVerdict.PENDING),
    "not found counts as cancelled": _not_found_means_cancelled,
    "cancel-all cancels everybody's orders": _cancels_everybodys_orders,
    "deferred cancels are forgotten": _deferred_cancels_forgotten,
    "fills are forgotten at the end": _fills_forgotten_at_the_end,
    "one execution is forgotten": _last_fill_forgotten,
    "executions are not told apart": _fills_not_told_apart,
    "every report moves the state": _every_report_moves_the_state,
    "the latch is not read again before the first byte": _latch_not_read_again,
    "the latch is not read at all": _latch_not_read_at_all,
    "a kill is forgotten once the account is armed again": _arming_ignored,
    "a start arms the account again": _armed_at_every_start,
    "the first byte goes unnoticed": _first_byte_not_noted,
    "unresolved orders reserve nothing": _unresolved_reserves_nothing,
    "presumed absent is taken for an end": _presumed_absent_is_an_end,
    "a doubt is not recorded": _doubt_not_recorded,
    "interrupted submits are not doubted": _interrupted_submits_not_doubted,
    "too many attempts": _too_many_attempts,
    "no deadline": _no_deadline,
    "the limit is outside the collar": _limit_outside_collar,
    "one share more is sent than recorded": _sends_another(
        lambda form: form.replace("quantity=1&", "quantity=2&").replace("quantity=5&", "quantity=6&")
    ),
    "the other side is sent": _sends_another(lambda form: form.replace("side=buy", "side=sell")),
    "good-for-day is sent as good-till-cancelled": _sends_another(
        lambda form: form.replace("time_in_force=gfd", "time_in_force=gtc")
    ),
    "two processes may hold the account": _account_not_locked,
    "a live order is recorded as one on paper": _recorded_as_paper,
    "a kill stops cancels too": _kill_stops_cancels_too,
    "a start begins a new journal": _starts_a_new_journal,
    "replies are recorded unmasked": _replies_not_masked,
    **DATABASE,
    **JOURNAL,
    **LASTING,
    **LIMITS,
    **PRINCIPLES,
    **ROOMS,
}
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "a refused second request ends the doubt about the first": SENDING_AGAIN,
}
"""The settings under which a bug can show, where it takes others than the defaults."""
