"""Python imports this by name at its start: names lead to the stand-in's port, and our clock shows a Monday.

Only `SystemClock` is shifted, which is all that a bot reads the time of day from.
"""

import os
import socket
from datetime import datetime, timedelta
from typing import Any

_BROKER = "api.robinhood.com"


def _lead_to_the_stand_in(port: int) -> None:
    look_up = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != _BROKER:
            raise socket.gaierror(f"a client of the benchmark asked for {host!r}")
        return look_up("127.0.0.1", port, type=socket.SOCK_STREAM)

    vars(socket)["getaddrinfo"] = found


def _shift_the_clock(ahead: timedelta) -> None:
    try:
        from trading_bot import clock
    except ImportError:  # a client without a bot
        return
    true_now = clock.SystemClock.now

    def now(self: clock.SystemClock) -> datetime:
        return true_now(self) + ahead

    clock.SystemClock.now = now  # type: ignore[method-assign]


_lead_to_the_stand_in(int(os.environ["BENCH_PORT"]))
_shift_the_clock(timedelta(seconds=float(os.environ["BENCH_AHEAD_S"])))
