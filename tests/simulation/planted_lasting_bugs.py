"""Bugs that show only while a life goes on, or in what it leaves behind, planted as those of `planted_bugs` are.

Freezes and looks that do not end when they should, records of a run that is over, secrets in another spelling, and
names of files that a power loss takes.
"""

import base64
from collections.abc import Callable, Mapping
from typing import TypeAlias

import pytest

from trading_bot.latch import Latch
from trading_bot.order_management import order_store
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.journal.chain import numbered
from trading_bot.order_management.sync import drift, positions
from trading_bot.robinhood import classify
from trading_bot.robinhood.session import BrokerSession

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]
_A_DAY_S = 86_400


def _timed_freeze_never_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Freeze, "is_over", lambda *_: False)


def _agreement_ends_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drift, "_healed", lambda *_: [])


def _positions_read_once_a_day(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(positions, "LOOK_EVERY_S", _A_DAY_S)


def _orders_of_another_symbol_promise_shares(patch: pytest.MonkeyPatch) -> None:
    real = positions.Holdings._free

    def free(self, book, symbol, look, counts=()):
        found = real(self, book, symbol, look, counts)
        return found if not self._differences or symbol in self._differences else real(self, book, symbol, None, counts)

    patch.setattr(positions.Holdings, "_free", free)


def _written_under_the_run_of_its_intent(patch: pytest.MonkeyPatch) -> None:
    """What is told of an order by a later process goes under the run id of the process that sent the order."""
    real = numbered
    runs: dict[str, str] = {}

    def as_before(fact, *, session_id, **named):
        run = runs.setdefault(fact.client_order_id, session_id) if fact.client_order_id is not None else session_id
        return real(fact, session_id=run, **named)

    patch.setattr(order_store, "numbered", as_before)


def _recorded_in(spelling: Callable[[bytes], str]) -> Plant:
    return lambda patch: patch.setattr(classify, "error_text", spelling)


def _in_base64(body: bytes) -> str:
    return base64.b64encode(b"." + body).decode()


def _in_percents(body: bytes) -> str:
    return "".join(f"%{byte:02X}" for byte in body)


def _redirect_followed(patch: pytest.MonkeyPatch) -> None:
    real = BrokerSession._whole_reply

    def whole_reply(self, response, request, context):
        where = response.headers.get("Location")
        if where is not None:
            prepared = self._prepared(request, None)
            prepared.url = where
            self._transport.send(prepared, stream=True, timeout=(1, 1), proxies={})
        return real(self, response, request, context)

    patch.setattr(BrokerSession, "_whole_reply", whole_reply)


def _kill_not_flushed(patch: pytest.MonkeyPatch) -> None:
    """Take the name of the arming away, and leave it to the disk when."""
    patch.setattr(Latch, "_sync_folder", lambda self: None)


LASTING: Mapping[str, Plant] = {
    "a freeze after a refusal never ends": _timed_freeze_never_ends,
    "a freeze outlasts what it was for": _agreement_ends_nothing,
    "positions are read once a day": _positions_read_once_a_day,
    "a difference in one symbol holds another's shares": _orders_of_another_symbol_promise_shares,
    "a record goes under the run id of an earlier process": _written_under_the_run_of_its_intent,
    "replies are recorded in base64": _recorded_in(_in_base64),
    "replies are recorded with every byte escaped": _recorded_in(_in_percents),
    "a redirect is followed": _redirect_followed,
    "a kill is not flushed": _kill_not_flushed,
}
