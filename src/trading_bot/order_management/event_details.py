"""The details of a record, typed by its kind of event: one place that writes them as text and reads them back.

A record holds its details as a flat map of texts, so that a line reads the same whoever wrote it. Nobody but this
module and the folds beside their records (freezes, exits, acceptances) knows the keys. What an older record does not
say is None.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.models import ClientOrderId, OrderReport, TimeInForce
from trading_bot.values import Value

if TYPE_CHECKING:
    from trading_bot.order_management.outcomes import Ending, ExchangeFacts, SubmitOutcome

Details: TypeAlias = dict[str, str]

_TRUE, _FALSE = "true", "false"
_SWITCHES = {_TRUE: True, _FALSE: False}
_INSTRUMENT_ID = "instrument_id"


def _present(**texts: str | None) -> Details:
    return {key: text for key, text in texts.items() if text is not None}


def _exchange(facts: "ExchangeFacts | None") -> Details:
    return {} if facts is None else _present(**facts.as_text())


class IntentDetails(Value, frozen=True, kw_only=True):
    """Of ``order_intended``: what its fields do not say of the order."""

    reference_price: Decimal
    time_in_force: TimeInForce
    extended_hours: bool
    body_sha256: str | None = None
    """The digest of the bytes that are sent."""
    replaces: ClientOrderId | None = None
    """FIX tag 41."""
    instrument_id: str | None = None
    arming: str | None = None
    """The arming under which it was decided."""
    stop_price: Decimal | None = None
    """FIX tag 99."""
    reprices: int = 0
    """How often its time-out has placed it anew."""
    review: str | None = None
    """What the broker's own review objected to before it was sent."""

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(
            reference_price=f"{self.reference_price:f}",
            time_in_force=self.time_in_force.value,
            extended_hours=_TRUE if self.extended_hours else _FALSE,
            body_sha256=self.body_sha256,
            replaces=self.replaces,
            instrument_id=self.instrument_id,
            arming=self.arming,
            stop_price=None if self.stop_price is None else f"{self.stop_price:f}",
            reprices=str(self.reprices) if self.reprices else None,
            review=self.review,
        )

    @staticmethod
    def under_arming(details: Mapping[str, str], arming: str) -> Details:
        """Return the details of an intent with another arming, all else as it is."""
        return {**details, "arming": arming}

    @classmethod
    def of(cls, fact: OrderEvent) -> "IntentDetails":
        """Read them.

        Raises:
            KeyError, ValueError, ArithmeticError: one is missing or wrong.
        """
        details = fact.details
        replaces, stop_price = details.get("replaces"), details.get("stop_price")
        return cls(
            reference_price=Decimal(details["reference_price"]),
            time_in_force=TimeInForce(details["time_in_force"]),
            extended_hours=_SWITCHES[details["extended_hours"]],
            body_sha256=details.get("body_sha256"),
            replaces=None if replaces is None else ClientOrderId(replaces),
            instrument_id=details.get(_INSTRUMENT_ID),
            arming=details.get("arming"),
            stop_price=None if stop_price is None else Decimal(stop_price),
            reprices=int(details.get("reprices", 0)),
            review=details.get("review"),
        )


class AttemptDetails(Value, frozen=True, kw_only=True):
    """Of ``submit_attempted``: how one request ended, and why; how far it got, and what came back."""

    outcome: "Ending"
    cause: str | None = None
    exchange: "ExchangeFacts | None" = None

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(outcome=self.outcome.value, cause=self.cause) | _exchange(self.exchange)

    @classmethod
    def of_outcome(cls, outcome: "SubmitOutcome") -> "AttemptDetails":
        """Return what is recorded of an outcome."""
        return cls(outcome=outcome.ending, cause=outcome.cause, exchange=outcome.exchange)


class DoubtDetails(Value, frozen=True, kw_only=True):
    """Of ``order_outcome_unknown``: whether the broker said that it has the order, and who may send it still."""

    surely_there: bool = False
    sender_may_live: bool = False
    """Whether it was left by a process that nobody can look at: it may be stopped, not dead, and send the order yet."""

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(
            surely_there=_TRUE if self.surely_there else None,
            sender_may_live=_TRUE if self.sender_may_live else None,
        )

    @classmethod
    def of(cls, fact: OrderEvent) -> "DoubtDetails":
        """Read them."""
        return cls(
            surely_there=fact.details.get("surely_there") == _TRUE,
            sender_may_live=fact.details.get("sender_may_live") == _TRUE,
        )


class ReportDetails(Value, frozen=True, kw_only=True):
    """Of a record that a report of the broker's made: its own word, and what else it named."""

    broker_state: str | None = None
    """None where the record is not of a report."""
    state_is_known: bool = True
    """Whether that word is understood."""
    instrument_id: str | None = None
    stop_triggered_at: datetime | None = None
    """When the broker says that the stop price of the order was reached."""
    ends_approval: bool = False
    """Whether it shows that an order which awaited the owner's approval does so no more."""

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(
            broker_state=self.broker_state,
            state_is_known=None if self.state_is_known else _FALSE,
            instrument_id=self.instrument_id,
            stop_triggered_at=None if self.stop_triggered_at is None else self.stop_triggered_at.isoformat(),
            ends_approval=_TRUE if self.ends_approval else None,
        )

    @classmethod
    def of(cls, fact: OrderEvent) -> "ReportDetails":
        """Read them."""
        reached = fact.details.get("stop_triggered_at")
        return cls(
            broker_state=fact.details.get("broker_state"),
            state_is_known=fact.details.get("state_is_known") != _FALSE,
            instrument_id=fact.details.get(_INSTRUMENT_ID),
            stop_triggered_at=None if reached is None else datetime.fromisoformat(reached),
            ends_approval=fact.details.get("ends_approval") == _TRUE,
        )

    @classmethod
    def of_report(cls, report: OrderReport, *, names_instrument: bool, ends_approval: bool = False) -> "ReportDetails":
        """Return what is recorded of a report; its instrument only where that is news of the order."""
        return cls(
            broker_state=report.broker_state,
            state_is_known=report.state_is_known,
            instrument_id=report.instrument_id if names_instrument else None,
            stop_triggered_at=report.stop_triggered_at,
            ends_approval=ends_approval,
        )


class FeesDetails(Value, frozen=True, kw_only=True):
    """Of a record that a report with fills made: what the broker took for the order so far, in dollars.

    No fold of an order reads them, so that no decision rests on them; `trading_bot.results` does.
    """

    fees: Decimal | None = None
    """None where the broker did not say."""

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(order_fees=None if self.fees is None else f"{self.fees:f}")

    @classmethod
    def of(cls, fact: OrderEvent) -> "FeesDetails":
        """Read them; what cannot be read is not known."""
        try:
            fees = _dollars(fact.details.get("order_fees"))
        except ArithmeticError:
            fees = None
        return cls(fees=fees if fees is not None and fees.is_finite() and fees >= 0 else None)


class CancelAnswerDetails(Value, frozen=True, kw_only=True):
    """Of ``cancel_answered``: how the request ended, and the broker's words; how far it got, and what came back."""

    reply: str
    text: str
    exchange: "ExchangeFacts | None" = None

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return {"reply": self.reply, "text": self.text} | _exchange(self.exchange)


class DecisionDetails(Value, frozen=True, kw_only=True):
    """Of ``order_resolved``: what a person decided, and who."""

    decision: str
    by: str

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return {"as": self.decision, "by": self.by}


class DifferenceDetails(Value, frozen=True, kw_only=True):
    """Of ``position_differed``, and of a freeze for a position: both numbers of shares.

    Two records are of the same difference if both numbers are the same.
    """

    broker: Decimal
    """Shares that the broker shows."""
    expected: Decimal | None = None
    """Shares that our fills explain; None where the account is short, whatever they explain."""

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(broker=f"{self.broker:f}", expected=None if self.expected is None else f"{self.expected:f}")

    @classmethod
    def of(cls, fact: OrderEvent | None) -> "DifferenceDetails | None":
        """Read them; None where there is no record, or it names no numbers that can be read."""
        if fact is None or "broker" not in fact.details:
            return None
        expected = fact.details.get("expected")
        try:
            return cls(broker=Decimal(fact.details["broker"]), expected=None if expected is None else Decimal(expected))
        except ArithmeticError:
            return None


class ValuationDetails(Value, frozen=True, kw_only=True):
    """Of ``account_valued``: what the account was worth when it was read, in dollars; the moment is the record's."""

    occasion: str
    """``start``, ``hour`` or ``close``: why it was read then."""
    equity: Decimal
    equity_from: str
    """``broker``, or ``quotes`` where it was added up here from cash and positions."""
    cash: Decimal | None = None
    """The account's own money; None where the broker did not say."""
    buying_power: Decimal | None = None

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(
            occasion=self.occasion,
            equity=f"{self.equity:f}",
            equity_from=self.equity_from,
            cash=None if self.cash is None else f"{self.cash:f}",
            buying_power=None if self.buying_power is None else f"{self.buying_power:f}",
        )

    @classmethod
    def of(cls, fact: OrderEvent) -> "ValuationDetails | None":
        """Read them; None where they cannot be read: no figure is guessed."""
        details = fact.details
        try:
            return cls(
                occasion=details["occasion"],
                equity=Decimal(details["equity"]),
                equity_from=details["equity_from"],
                cash=_dollars(details.get("cash")),
                buying_power=_dollars(details.get("buying_power")),
            )
        except (KeyError, ArithmeticError):
            return None


class TieOutDetails(Value, frozen=True, kw_only=True):
    """Of ``account_tied_out``: where the next tie-out goes on, in dollars; the moment is the record's."""

    verdict: str
    cash: Decimal
    movement: Decimal
    """What all fills up to then moved: sells less buys and known fees."""
    traded: Decimal
    """Sells and buys added up."""
    difference: Decimal | None = None
    """The broker's cash less what the fills explained."""
    by: str | None = None
    """Who accepted the difference, where a person did."""

    def as_text(self) -> Details:
        """Return them as a record holds them."""
        return _present(
            verdict=self.verdict,
            cash=f"{self.cash:f}",
            movement=f"{self.movement:f}",
            traded=f"{self.traded:f}",
            difference=None if self.difference is None else f"{self.difference:f}",
            by=self.by,
        )

    @classmethod
    def of(cls, fact: OrderEvent | None) -> "TieOutDetails | None":
        """Read them; None where there is no record, or it cannot be read."""
        if fact is None:
            return None
        details = fact.details
        try:
            return cls(
                verdict=details["verdict"],
                cash=Decimal(details["cash"]),
                movement=Decimal(details["movement"]),
                traded=Decimal(details["traded"]),
                difference=_dollars(details.get("difference")),
                by=details.get("by"),
            )
        except (KeyError, ArithmeticError):
            return None


def _dollars(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
