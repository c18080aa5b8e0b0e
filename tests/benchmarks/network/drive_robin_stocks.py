"""A client of the benchmark: robin_stocks, logged in with a token, placing one order after the other.

Its functions share one session and are not made for threads, so signals of one moment wait for each other.
"""

import io
import json
import sys
import time
from typing import Any

import robin_stocks.robinhood as rh


def trade(symbols: list[str]) -> list[dict[str, Any]]:
    results = []
    for number, symbol in enumerate(symbols):
        began = time.monotonic()
        placed = rh.orders.order_buy_limit(symbol, 1, 99 + number % 50 / 100, timeInForce="gfd")  # type: ignore[attr-defined]  # no stub
        took_s = time.monotonic() - began
        results.append({"took_s": took_s, "began": began, "status": "submitted" if "id" in (placed or {}) else "none"})
    return results


def main() -> None:
    answers = sys.stdout
    rh.helper.set_output(io.StringIO())  # it prints what went wrong, and what it does
    rh.helper.set_login_state(True)
    rh.helper.update_session("Authorization", "Bearer first")
    for line in sys.stdin:
        command = json.loads(line)
        answer = globals()[command.pop("ask")](**command)
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()


if __name__ == "__main__":
    main()
