"""Bugs of the two principles, planted as in `planted_bugs`: doubt that spreads, and ways out that are shut.

And of what ties the records of one request together.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import pytest

from trading_bot.order_management import events, reconciliation
from trading_bot.order_management.book import tracked_order
from trading_bot.order_management.client_ids import derive_ref_id
from trading_bot.order_management.correlation import RequestAtWork
from trading_bot.order_management.models import RefId
from trading_bot.order_management.submit import admission, intents, placement
from trading_bot.order_management.submit.admission import Admission
from trading_bot.order_management.submit.exit import Exits
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.sync import foreign, free_shares, positions
from trading_bot.order_management.sync.external_orders import ExternalOrders
from trading_bot.order_management.sync.search import AbsenceSearch

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _odd_row_stops_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ExternalOrders, "_concerns", lambda *_: True)


def _freeze_binds_exits(patch: pytest.MonkeyPatch) -> None:
    real = TradingHalts.beside_the_journal
    patch.setattr(TradingHalts, "beside_the_journal", lambda self, *of, **_: real(self, *of, leaving=False, look=None))


def _row_without_a_name_is_foreign(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(foreign, "fits_intent", lambda *_: False)


def _no_positive_control(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AbsenceSearch, "control_problem", lambda *_, **__: None)


def _look_alone_is_believed(patch: pytest.MonkeyPatch) -> None:
    def by_the_look(shares, **named):
        return free_shares.free_shares(replace(shares, expected=shares.held or shares.expected), **named)

    patch.setattr(positions, "free_shares", by_the_look)


class _Forgetful(dict[str, object]):
    """Never finds what is there."""

    def get(self, *_):
        return None

    def __delitem__(self, key):
        self.pop(key, None)


def _second_exit_not_joined(patch: pytest.MonkeyPatch) -> None:
    real = Exits.leave

    def leave(self, *args, **named):
        self._under_way = _Forgetful(self._under_way)
        return real(self, *args, **named)

    patch.setattr(Exits, "leave", leave)


def _another_ref_id_for_another_try(patch: pytest.MonkeyPatch) -> None:
    real = derive_ref_id
    tried: dict[str, int] = {}

    def derive(account, name):
        first, tried[name] = real(account, name), tried.get(name, -1) + 1
        return RefId(first[:9] + str(uuid.uuid5(uuid.UUID(first), str(tried[name])))[9:] if tried[name] else first)

    patch.setattr(placement, "derive_ref_id", derive)
    patch.setattr(tracked_order, "_is_same_intent", lambda *_: True)


def _asked_again_in_doubt(patch: pytest.MonkeyPatch) -> None:
    def may_go_again(order, terms):
        return order.state.is_unresolved or real(order, terms)

    def is_to_go_again(order, terms):
        return order.state.is_unresolved or really(order, terms)

    real, really = intents.may_go_again, intents.is_to_go_again
    patch.setattr(admission, "may_go_again", may_go_again)
    patch.setattr(admission, "is_to_go_again", is_to_go_again)
    patch.setattr(Admission, "_equal_order", lambda *_, **__: None)
    patch.setattr(tracked_order, "is_legal", lambda *_: True)
    patch.setattr(tracked_order, "_is_same_intent", lambda *_: True)


def _told_of_nobody(patch: pytest.MonkeyPatch) -> None:
    def about(envelope, event, **facts):
        return replace(events.about(envelope, event, **facts), correlation_id=None)

    patch.setattr(reconciliation, "about", about)


def _done_for_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RequestAtWork, "named", lambda _self, fact: fact)


PRINCIPLES: Mapping[str, Plant] = {
    "one odd row stops another symbol": _odd_row_stops_everything,
    "a freeze shuts the way out": _freeze_binds_exits,
    "a row without a name is taken for somebody else's": _row_without_a_name_is_foreign,
    "absence is proven without a positive control": _no_positive_control,
    "a look that lags lets sold shares be sold again": _look_alone_is_believed,
    "a second exit is not joined": _second_exit_not_joined,
    "another try gets another ref_id": _another_ref_id_for_another_try,
    "an order in doubt is asked for anew": _asked_again_in_doubt,
    "a fill does not say whose request made its order": _told_of_nobody,
    "an exit does not say whose request it is": _done_for_nobody,
}
