"""What must hold of every order of a life, and how its doubt ended."""

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.simulation.ambiguous.life import BLOCKED, NOT_SENT, REJECTED, SUBMITTED, UNKNOWN, AmbiguousLife, Asked
from tests.simulation.ambiguous.troubles import FALSE_CLAIMS, FALSE_DENIALS
from tests.support.broker_stand_in import RefIdMode
from tests.support.stand_in_book import HeldOrder
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.models import OrderState

_DENYING = frozenset({OrderState.REJECTED, OrderState.NOT_SENT, OrderState.NEVER_ACCEPTED})


class Broken(enum.StrEnum):
    """Which of the promises an order breaks."""

    DUPLICATE = "a duplicate at the broker"
    DENIED = "told that it failed while the broker had it"
    LEFT = "in doubt though a list could settle it"
    UNTRUE = "on record otherwise than at the broker"
    FORGOTTEN = "asked for, and not on record"
    ENDED = "an error that ended the life"


class Ended(enum.StrEnum):
    """What became of the doubt about an order."""

    NO_DOUBT = "never in doubt"
    FOUND = "found"
    DISPROVED = "disproved"
    LEFT_TO_A_PERSON = "left to a person"


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One promise broken by one order."""

    what: Broken
    name: str
    said: str


def breaches(life: AmbiguousLife) -> Iterator[Breach]:
    """Yield every promise that an order of a life breaks; the life is over."""
    at_broker: dict[str, list[HeldOrder]] = defaultdict(list)
    for held in life.broker.book.orders:
        at_broker[held.ref_id].append(held)
    troubles = {asked.name: asked.trouble for asked in life.asked}
    for order in life.known():
        name, ref_id = str(order.client_order_id), str(order.envelope.ref_id)
        theirs = at_broker.pop(ref_id, [])
        if len(theirs) > 1 + _copies_taken(life, ref_id):
            yield Breach(what=Broken.DUPLICATE, name=name, said=f"{len(theirs)} orders at the broker")
        if theirs:
            yield from _of_a_real_one(name, order, theirs, was_denied=troubles.get(name) in FALSE_DENIALS)
        else:
            yield from _of_none(name, order, was_claimed=troubles.get(name) in FALSE_CLAIMS)
    for ref_id in at_broker:
        yield Breach(what=Broken.DUPLICATE, name="?", said=f"{ref_id} belongs to no intent")
    for ref_id in life.twice_at_work:
        yield Breach(what=Broken.DUPLICATE, name="?", said=f"two orders of {ref_id} still work")
    yield from _of_answers(life)


def _of_answers(life: AmbiguousLife) -> Iterator[Breach]:
    known = {str(order.client_order_id) for order in life.known()}
    for asked in life.asked:
        # What is asked for again may be blocked although it is there: the answer is about the second asking.
        denies = asked.answer in {REJECTED, NOT_SENT} or (asked.answer == BLOCKED and not asked.is_again)
        if asked.was_there and denies and asked.trouble not in FALSE_DENIALS:
            yield Breach(what=Broken.DENIED, name=asked.name, said=f"{asked.answer}: {asked.told}")
        if asked.answer in {SUBMITTED, UNKNOWN} and asked.name not in known:
            yield Breach(what=Broken.FORGOTTEN, name=asked.name, said=f"{asked.answer}: {asked.told}")


def _copies_taken(life: AmbiguousLife, ref_id: str) -> int:
    """How many orders a broker that takes every copy made of one request, beside the first."""
    return life.broker.copied[ref_id] if life.place.ref_ids is RefIdMode.ACCEPT_AGAIN else 0


def _of_a_real_one(
    name: str, order: TrackedOrder, theirs: Sequence[HeldOrder], *, was_denied: bool
) -> Iterator[Breach]:
    shown = f"{order.state}, {order.executed_quantity} filled; at the broker {[(o.state, o.filled) for o in theirs]}"
    if order.state in _DENYING and not (was_denied and order.anomalies):
        yield Breach(what=Broken.DENIED, name=name, said=shown)
    elif order.state.is_unresolved:
        yield Breach(what=Broken.LEFT, name=name, said=shown)
    elif order.state not in _DENYING and not any(_is_shown_by(order, held) for held in theirs):
        yield Breach(what=Broken.UNTRUE, name=name, said=shown)


def _is_shown_by(order: TrackedOrder, held: HeldOrder) -> bool:
    terms = (order.envelope.symbol, order.envelope.side.value, order.envelope.quantity)
    return (
        held.order_id == order.envelope.order_id
        and (held.symbol, held.side, held.quantity) == terms
        and order.executed_quantity == held.filled
        and order.state.is_terminal is not held.is_open
    )


def _of_none(name: str, order: TrackedOrder, *, was_claimed: bool) -> Iterator[Breach]:
    if order.state.is_unresolved and not (was_claimed and order.surely_there):
        yield Breach(what=Broken.LEFT, name=name, said=f"{order.state}, and the broker never had it")
    if order.executed_quantity or order.state not in {*_DENYING, *_UNRESOLVED}:
        yield Breach(what=Broken.UNTRUE, name=name, said=f"{order.state}, and the broker never had it")


_UNRESOLVED = frozenset(state for state in OrderState if state.is_unresolved)


def endings(life: AmbiguousLife) -> Iterator[tuple[Asked, Ended]]:
    """Yield each order that was asked for, and what became of its doubt."""
    known: Mapping[str, TrackedOrder] = {str(order.client_order_id): order for order in life.known()}
    for asked in life.asked:
        if not asked.is_again:
            yield asked, _ending(known.get(asked.name)) if asked.name in life.doubted else Ended.NO_DOUBT


def _ending(order: TrackedOrder | None) -> Ended:
    if order is None or order.state is OrderState.NEVER_ACCEPTED:
        return Ended.DISPROVED
    return Ended.LEFT_TO_A_PERSON if order.state.is_unresolved else Ended.FOUND
