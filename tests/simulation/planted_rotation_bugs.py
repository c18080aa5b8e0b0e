"""Bugs of the journal's rotation, planted as those of `planted_bugs` are."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import pytest

from trading_bot.order_management import journal_keeper as keeper
from trading_bot.order_management.book import carrying
from trading_bot.order_management.id_index import IdIndex
from trading_bot.order_management.journal.order_log import OrderLog
from trading_bot.order_management.journal.rotation import SegmentSwap
from trading_bot.order_management.journal_keeper import JournalKeeper

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _unresolved_left_behind(patch: pytest.MonkeyPatch) -> None:
    real = JournalKeeper._kept

    def kept(self, orders, acceptances):
        return tuple(order for order in real(self, orders, acceptances) if not order.state.is_unresolved)

    patch.setattr(JournalKeeper, "_kept", kept)


def _nothing_read_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(keeper, "_confirm", lambda *args: None)


def _executions_left_behind(patch: pytest.MonkeyPatch) -> None:
    _nothing_read_back(patch)
    patch.setattr(keeper, "carried_events", lambda order: carrying.carried_events(replace(order, executions=())))


def _wanted_cancel_left_behind(patch: pytest.MonkeyPatch) -> None:
    _nothing_read_back(patch)
    patch.setattr(keeper, "carried_events", lambda order: carrying.carried_events(replace(order, cancel_wanted=False)))


def _freezes_left_behind(patch: pytest.MonkeyPatch) -> None:
    _nothing_read_back(patch)
    real = OrderLog.rotate

    def rotate(self, carried, **calls):
        return real(self, [event for event in carried if event.client_order_id is not None], **calls)

    patch.setattr(OrderLog, "rotate", rotate)


def _index_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(IdIndex, "_find", lambda *args: None)


def _index_never_brought_up_to_date(patch: pytest.MonkeyPatch) -> None:
    real = IdIndex._is_current
    patch.setattr(IdIndex, "_is_current", lambda self, database: (real(self, database), True)[1])


def _old_segment_thrown_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SegmentSwap, "keep", lambda self, finished: None)


def _renamed_away_first(patch: pytest.MonkeyPatch) -> None:
    def keep(self, finished: str) -> None:
        self._files.rename(self._journal, self._journal.with_name(finished))
        self._files.sync_folder(self._journal.parent)

    patch.setattr(SegmentSwap, "keep", keep)


def _copied_in_place(patch: pytest.MonkeyPatch) -> None:
    """As external log rotation does it: the live file keeps its identity and is written over."""

    def publish(self) -> None:
        self._files.remove(self._journal)
        descriptor = self._files.open_append(self._journal)
        self._files.write(descriptor, self._files.read(self.staged))
        self._files.close(descriptor)
        self._files.remove(self.staged)

    patch.setattr(SegmentSwap, "publish", publish)


def _folder_not_flushed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SegmentSwap, "publish", lambda self: self._files.rename(self.staged, self._journal))


def _half_a_rotation_not_mended(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SegmentSwap, "repair", lambda self: self._files.remove(self.staged))


ROTATION: Mapping[str, Plant] = {
    "a new segment leaves unresolved orders behind": _unresolved_left_behind,
    "a new segment leaves executions behind": _executions_left_behind,
    "a new segment leaves wanted cancels behind": _wanted_cancel_left_behind,
    "a new segment leaves halts and freezes behind": _freezes_left_behind,
    "the index of old orders is not asked": _index_not_asked,
    "the index of old orders is never brought up to date": _index_never_brought_up_to_date,
    "the old segment is thrown away": _old_segment_thrown_away,
    "the live segment is renamed away first": _renamed_away_first,
    "the new segment is copied over the old one": _copied_in_place,
    "the folder is not flushed after a rotation": _folder_not_flushed,
    "half a rotation is not repaired": _half_a_rotation_not_mended,
}
