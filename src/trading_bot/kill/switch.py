"""The kill: trading off first, whatever else is broken, then every order of ours cancelled, then proof that it is.

What it guarantees:

1. Once `KillSwitch.run` has engaged the latch, no process of the account begins an order. Nothing is read, locked,
   written or sent before that.
2. The cancels of orders on record are sent before a listing is read, entries before exits, the largest exposure
   first.
3. It ends in a verdict within a time that it states: its deadline, and for each order to cancel as much more as the
   rate of the broker's interface asks for.
4. "No open orders" is said only of what two complete lists without an order of ours show, begun after the last send
   could still have arrived (the send horizon), with a control (`positive_control`), no intent unresolved, and no order
   with our mark that the journal does not know. Everything else is not confirmed, together with what may be live.

It needs no network to stop trading, and no journal, lease, free disk or running bot.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.error_handling.retry import growing_pauses
from trading_bot.kill.broker import KillBroker, KillLatch
from trading_bot.kill.positive_control import control_problem
from trading_bot.kill.progress import (
    CancelCount,
    KillProgress,
    ProgressListener,
    Stage,
    ignore_progress,
)
from trading_bot.kill.records import KillFile
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import Holdings, KillReport
from trading_bot.kill.run import KillRun
from trading_bot.kill.target import KillTarget, urgency
from trading_bot.kill.verdict import PROOFS_NEEDED, holdings, problems, unjournaled_orders
from trading_bot.latch import LatchError
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.cancel.step import CHANGED_SINCE, CancelStep
from trading_bot.order_management.models import OrderReport
from trading_bot.order_management.ports import SendLock, SendLockError

_LOCK_WAIT_S: Seconds = 2.0
_CANCELS_ON_RECORD_S: Seconds = 10.0
"""How long the first listing waits for them: only it can find the orders that are not on record."""

_LAST_LOOK_S: Seconds = 5.0
"""How long a verdict that is due waits for what became of the orders."""

_HOLDINGS_S: Seconds = 5.0
"""How long the verdict waits for the shares that are held."""

_GOES_ON_FOR_S: Seconds = 60.0
"""How long the next try lasts once the first verdict is out; each later one twice as long as the one before.

A list of many pages has to fit into one: over the agent interface it shows every order of a hundred days.
"""

_FIRST_PAUSE_S: Seconds = 0.5
_LONGEST_PAUSE_S: Seconds = 2.0
_LOOKS_UP_EVERY_S: Seconds = 0.25
"""How long a signal waits at most for a pause to end."""

_SLEPT = "the machine slept while the orders were listed"
_log = get_logger(__name__)


def _never() -> bool:
    return False


class KillSwitch:
    """Kills one account, which ``account`` names in words.

    ``send_horizon_s`` is the longest an order can be under way, counted from a moment after which nobody sends;
    ``arrives_within`` is the same counted from its intent. ``journal_reader`` reads the orders on record afresh and
    does not raise. ``is_interrupted`` says whether somebody wants an end: the cancels on record, one listing and a
    verdict come all the same. With ``keeps_protective``, resting stop sells of ours stay at the broker. ``doubts``
    keep the verdict from being confirmed, whatever the broker shows; ``notes`` is called for each report.
    """

    def __init__(
        self,
        *,
        account: str,
        latch: KillLatch,
        send_lock: SendLock,
        broker: KillBroker,
        journal_reader: Callable[[], KnownOrders],
        side_file: KillFile,
        clock: Clock,
        send_horizon_s: Seconds,
        arrives_within: timedelta,
        deadline_s: Seconds,
        lock_wait_s: Seconds = _LOCK_WAIT_S,
        keeps_protective: bool = True,
        doubts: tuple[str, ...] = (),
        notes: Callable[[], tuple[str, ...]] = tuple,
        is_interrupted: Callable[[], bool] = _never,
        on_progress: ProgressListener = ignore_progress,
    ) -> None:
        if deadline_s <= send_horizon_s:
            raise ValueError(f"a kill of {deadline_s} s ends before it can prove anything; allow > {send_horizon_s} s")
        self._account = account
        self._latch = latch
        self._send_lock = send_lock
        self._broker = broker
        self._journal_reader = journal_reader
        self._side_file = side_file
        self._clock = clock
        self._send_horizon_s = send_horizon_s
        self._arrives_within = arrives_within
        self._deadline_s = deadline_s
        self._lock_wait_s = lock_wait_s
        self._keeps_protective = keeps_protective
        self._doubts = doubts
        self._notes = notes
        self._is_interrupted = is_interrupted
        self._on_progress = on_progress
        self._tracker: CancelStep[KillTarget] = CancelStep(watcher=self, clock=clock)

    def run(self, by: str, reason: str) -> KillReport:
        """Kill, and return what is proven by the deadline. Repeating it is harmless and verifies again.

        ``by`` names who decided it. The account stays killed until a person arms it.
        """
        report = self._conclude(self._begin(by, reason))
        self._side_file.close()
        return report

    def run_until_confirmed(self, by: str, reason: str, *, on_verdict: Callable[[KillReport], None]) -> KillReport:
        """Kill, tell the verdict at the deadline, and go on while more time may bring the proof.

        Ends once it is confirmed, interrupted, or no time could help. ``on_verdict`` hears the verdict at the deadline
        where that is not the last one, which is returned.
        """
        run = self._begin(by, reason)
        report = self._conclude(run)
        if self._may_go_on(report):
            on_verdict(report)
        goes_on_for_s = _GOES_ON_FOR_S
        while self._may_go_on(report):
            run.deadline = self._clock.monotonic() + self._bound_s(run, goes_on_for_s)
            self._broker.set_deadline(run.deadline)
            report = self._conclude(run)
            goes_on_for_s *= 2
        self._side_file.close()
        return report

    def answered(self, target: KillTarget) -> None:
        """Do nothing: the target keeps the broker's answer."""

    def reported(self, target: KillTarget, report: OrderReport) -> None:
        """Take over what the broker says of an order."""
        target.take(report)

    def vanished(self, target: KillTarget) -> None:
        """Do nothing: that the broker does not know an id is no end."""

    def _may_go_on(self, report: KillReport) -> bool:
        return report.may_still_be_confirmed and not self._is_interrupted()

    def _begin(self, by: str, reason: str) -> KillRun:
        latch_problem = self._engage()
        began = Moment.of(self._clock)
        run = KillRun(
            by=by,
            reason=reason,
            began=began,
            deadline=began.mono + self._deadline_s,
            latch_problem=latch_problem,
            arrives_within=self._arrives_within,
            keeps_protective=self._keeps_protective,
        )
        self._on_progress(KillProgress(stage=Stage.TRADING_OFF, verdict_within_s=self._deadline_s))
        _log.warning("kill_engaged", reason=f"{by}: {reason}", problem=latch_problem)
        self._broker.set_deadline(run.deadline)
        self._await_senders(run, self._lock_wait_s)
        run.know(self._journal_reader())
        keeps_stops = self._keeps_protective
        wanted = run.known.to_cancel(keeps_stops=keeps_stops)
        self._side_file.begin(by=by, reason=reason, orders=wanted, keeps_stops=keeps_stops)
        self._cancel_on_record(run)
        return run

    def _engage(self) -> str | None:
        try:
            self._latch.engage()
        except LatchError as error:
            return str(error)
        return None

    def _await_senders(self, run: KillRun, patience_s: Seconds) -> None:
        """Wait until whoever looked at the latch before the kill has written its bytes: later senders see the kill."""
        try:
            self._send_lock.acquire(patience_s)
        except SendLockError as error:
            run.lock_problem = f"an order may still be going out: {error}; stop the process that keeps it"
            return
        self._send_lock.release()
        run.lock_problem = None
        run.quiet_from = self._clock.monotonic() + self._send_horizon_s

    def _cancel_on_record(self, run: KillRun) -> None:
        """Send these cancels before anything is read: a cancel needs no more than the id."""
        self._allow_time_for(run)
        within_s = self._bound_s(run, _CANCELS_ON_RECORD_S)
        self._broker.set_deadline(min(run.deadline, self._clock.monotonic() + within_s))
        self._cancel(run)
        self._broker.set_deadline(run.deadline)

    def _conclude(self, run: KillRun) -> KillReport:
        self._clear(run)
        report = self._report(run)
        _log.warning("kill_ended", message=report.headline, problem="; ".join(report.problems) or None)
        return report

    def _clear(self, run: KillRun) -> None:
        for pause in growing_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            self._round(run)
            if run.proofs >= PROOFS_NEEDED and self._have_ended(run) and self._passes_control(run):
                return
            run.was_interrupted = self._is_interrupted()
            if run.was_interrupted or self._clock.monotonic() + pause >= run.deadline:
                self._read_ends(run, within_s=_LAST_LOOK_S)
                return
            self._pause(pause)

    def _pause(self, seconds: Seconds) -> None:
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0 and not self._is_interrupted():
            self._clock.sleep(min(left, _LOOKS_UP_EVERY_S))

    def _round(self, run: KillRun) -> None:
        if run.quiet_from is None:
            self._await_senders(run, 0)
        if run.known.is_late:
            run.know(self._journal_reader())
        began = Moment.of(self._clock)
        listing = self._broker.list_open_orders()
        if began.slept_since(self._clock):
            listing = replace(listing, complete=False, has_all_pages=False, problem=listing.problem or _SLEPT)
        before = run.listed
        run.take_in(listing)
        self._allow_time_for(run)
        if run.listed:
            run.proofs = 0
        elif run.listing_problem is None and run.quiet_from is not None and began.mono >= run.quiet_from:
            run.proofs += 1
        if run.listed != before:
            self._on_progress(KillProgress(stage=Stage.OPEN, count=len(run.listed), total=len(run.targets)))
        self._cancel(run)

    def _allow_time_for(self, run: KillRun) -> None:
        """Move the deadline out by what the orders need that are known by now."""
        run.deadline = max(run.deadline, run.began.mono + self._bound_s(run, self._deadline_s))
        self._broker.set_deadline(run.deadline)

    def _bound_s(self, run: KillRun, seconds: Seconds) -> Seconds:
        return seconds + self._broker.capabilities.seconds_a_cancel * len(run.open_targets())

    def _cancel(self, run: KillRun) -> None:
        now = self._clock.monotonic()
        wanted = [target for target in run.open_targets() if target.is_unasked or target.is_to_be_asked(now)]
        if not wanted:
            return
        self._on_progress(
            KillProgress(stage=Stage.ASKING, total=len(wanted), verdict_within_s=max(run.deadline - now, 0))
        )
        self._broker.set_answer_listener(CancelCount(len(wanted), self._on_progress))
        self._tracker.ask(sorted(wanted, key=urgency), self._broker)
        answers = {target.order_id: type(target.reply).__name__ for target in wanted}
        self._side_file.note("cancels_asked", {"answers": answers})

    def _have_ended(self, run: KillRun) -> bool:
        """Read each order by its id too, because a listing may hide one that is still working."""
        self._read_ends(run)
        is_hidden = any(target.is_at_work or run.has_nameless_rows for target in run.open_targets())
        if is_hidden:
            run.proofs = 0  # its cancel is sent again in the next round
        return not is_hidden

    def _read_ends(self, run: KillRun, *, within_s: Seconds | None = None) -> None:
        unended, deadline = run.open_targets(), run.deadline
        if within_s is not None:
            deadline = min(deadline, self._clock.monotonic() + within_s)
        since = run.began.at - CHANGED_SINCE
        self._tracker.read(unended, self._broker, since=since, deadline=deadline, at_most=len(unended))

    def _passes_control(self, run: KillRun) -> bool:
        run.control_problem = control_problem(self._broker, run)
        return run.control_problem is None

    def _report(self, run: KillRun) -> KillReport:
        latest = self._journal_reader()
        unresolved = tuple(order.envelope for order in latest.unresolved if order.envelope.ref_id not in run.seen)
        unjournaled = unjournaled_orders(run, latest)
        found = problems(run, latest, unresolved=unresolved, unjournaled=unjournaled)
        why_not = tuple(dict.fromkeys((*self._doubts, *found)))
        self._side_file.note("kill_ended", {"confirmed": not why_not, "problems": why_not})
        is_proven = run.proofs >= PROOFS_NEEDED and run.control_problem is None
        return KillReport(
            account=self._account,
            by=run.by,
            reason=run.reason,
            problems=why_not,
            latch_engaged=run.latch_problem is None and run.known.elsewhere is None,
            orders=tuple(target.result() for target in run.targets.values()),
            unresolved=unresolved,
            external=tuple(run.external.values()),
            external_ids=tuple(sorted(run.external_unread)),
            possibly_ours=tuple(sorted(run.possibly_ours)),
            unjournaled=unjournaled,
            protective=tuple(run.protective.values()),
            holdings=self._holdings(run),
            side_file=self._side_file.path,
            side_file_problem=self._side_file.problem,
            notes=self._notes(),
            may_still_be_confirmed=not is_proven and self._broker.is_reachable,
        )

    def _holdings(self, run: KillRun) -> Holdings:
        if run.listing_problem is not None:
            return Holdings(problem="the broker could not be read")
        self._broker.set_deadline(self._clock.monotonic() + _HOLDINGS_S)
        return holdings(self._broker, run)
