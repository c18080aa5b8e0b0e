"""What may befall a submit, and the lists by which it is looked for."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.support.agent_server.faults import Fault
from tests.support.broker_stand_in import Act, RefIdMode
from trading_bot.config import PaperWire


class Copies(enum.StrEnum):
    """A request reaches the broker twice, because somebody on the way sent it again."""

    ANSWERED_ONCE = "copied, answered to the first"
    """The copy comes later, after its answer."""
    ANSWERED_TWICE = "copied, answered to the copy"
    REPLIES_LOST = "copied, both replies lost"


Trouble: TypeAlias = Act | Copies | Fault | None
"""None where all goes well."""

OF_LISTS: Final = (
    *(Act.DUPLICATE_ROWS, Act.PAGE_LOOP, Act.FOREIGN_PAGE, Act.PAGE_2_FAILS, Act.VANISHED, Act.NAMELESS, Act.NO_ROWS),
    *(Act.STALE, Act.MALFORMED, Act.HTML, Act.EMPTY, Act.TRUNCATED, Act.WRONG_TYPES, Act.MISSING_FIELDS),
    *(Act.UNKNOWN_STATE, Act.NEGATIVE, Act.NOT_A_NUMBER, Act.HUGE, Act.FOREIGN_ORDER, Act.REQUEST_LOST, Act.DNS),
    *(Act.REPLY_LOST, Act.THROTTLED, Act.UNAUTHORIZED, Act.E500_BEFORE, Act.E503_BEFORE, Act.RESET_AFTER_ACTING),
)
_OF_LISTS_ALONE: Final = frozenset(OF_LISTS[:8])
_OF_LISTS_OF_AGENT: Final = frozenset({Fault.STALE, Fault.PAGE_LOOP, Fault.NULL_ROWS})

FALSE_CLAIMS: Final = frozenset({Act.CONFLICT, Act.REF_ID_400, Fault.CONFLICT})
"""The broker says that it has the order, and has none: no list disproves it."""

FALSE_DENIALS: Final = frozenset({Act.THROTTLED_AFTER})
"""The broker says that it took nothing, and has the order: it is believed, until a list shows the order."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a life takes place."""

    wire: PaperWire
    ref_ids: RefIdMode
    resends: bool = False
    """Whether our settings say that the broker makes one order of one ``ref_id``, so that a submit in doubt is sent
    again."""

    def __str__(self) -> str:
        return f"{self.wire.value}, {self.ref_ids.value}{', sent again' if self.resends else ''}"


PLACES: Final = (
    *(Place(wire=wire, ref_ids=mode) for mode in RefIdMode for wire in PaperWire),
    *(
        Place(wire=PaperWire.PRIVATE, ref_ids=mode, resends=True)
        for mode in RefIdMode
        if mode is not RefIdMode.ACCEPT_AGAIN
    ),
)


def troubles_of(place: Place) -> Sequence[Trouble]:
    """Return all that may befall a submit there."""
    acts = [act for act in Act if act not in _OF_LISTS_ALONE]
    if place.wire is PaperWire.PRIVATE and place.ref_ids is RefIdMode.ACCEPT_AGAIN:
        # "Too many requests" is believed there, so what was taken all the same is sent again.
        acts.remove(Act.THROTTLED_AFTER)
    faults = [fault for fault in Fault if fault not in _OF_LISTS_OF_AGENT] if place.wire is PaperWire.AGENT else []
    return [None, *Copies, *acts, *faults]


def name_of(trouble: Trouble) -> str:
    """Return how a trouble is called in figures; what only the agent interface has says so."""
    if trouble is None:
        return "none"
    return f"agent: {trouble.value}" if isinstance(trouble, Fault) else trouble.value
