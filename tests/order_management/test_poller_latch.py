import threading
from collections.abc import Sequence

import pytest

from trading_bot.order_management.poller import Poller
from trading_bot.order_management.ports import LatchLook


class RoundsOnly(threading.Event):
    """A stop that comes after so many rounds, without any waiting."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._left = rounds

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        return self._left < 0


class TurningLatch:
    """Says the next thing each time it is asked."""

    def __init__(self, reasons: Sequence[str | None]) -> None:
        self._reasons = iter(reasons)

    def look(self) -> LatchLook:
        return LatchLook(arming=None, not_armed=next(self._reasons), not_reducing=None)


def logged(caplog: pytest.LogCaptureFixture, *reasons: str | None) -> list[str]:
    latch = TurningLatch(reasons)
    Poller(lambda: None, interval_s=1, stop=RoundsOnly(len(reasons)), latch=latch).run()
    return [str(record.msg["event"]) for record in caplog.records if isinstance(record.msg, dict)]


def test_a_kill_from_outside_is_logged_once(caplog: pytest.LogCaptureFixture):
    assert logged(caplog, None, "not armed", "not armed") == ["trading_disarmed"]
    assert caplog.records[0].levelname == "ERROR"


def test_arming_again_is_logged_once(caplog: pytest.LogCaptureFixture):
    assert logged(caplog, "not armed", None, None) == ["trading_disarmed", "trading_armed"]


def test_an_armed_account_is_not_worth_a_line(caplog: pytest.LogCaptureFixture):
    assert logged(caplog, None, None) == []


def test_without_a_latch_the_poller_only_polls(caplog: pytest.LogCaptureFixture):
    rounds: list[int] = []
    Poller(lambda: rounds.append(1), interval_s=1, stop=RoundsOnly(2)).run()
    assert len(rounds) == 2
