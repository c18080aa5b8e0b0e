"""A client of the benchmark: one authenticated POST on a session of requests, as little as anybody can do.

Without a line of JSON, that is as a command, it makes one connection and sends one order: the floor of a cold process.
"""

import json
import sys
import time
import uuid
from typing import Any

import requests

ORDERS = "https://api.robinhood.com/orders/"
FORM = {
    "account": "https://api.robinhood.com/accounts/5QR10001/",
    "side": "buy",
    "quantity": "1",
    "price": "99.85",
    "type": "limit",
    "time_in_force": "gfd",
    "trigger": "immediate",
    "order_form_version": "4",
}
SESSION = requests.Session()
SESSION.headers["Authorization"] = "Bearer first"


def trade(instruments: list[str]) -> list[dict[str, Any]]:
    results = []
    for instrument in instruments:
        form = FORM | {"instrument": instrument, "ref_id": str(uuid.uuid4())}
        began = time.monotonic()
        reply = SESSION.post(ORDERS, data=form, timeout=10)
        took_s = time.monotonic() - began
        results.append(
            {"took_s": took_s, "began": began, "status": "submitted" if reply.status_code == 201 else "none"}
        )
    return results


def main() -> None:
    if "--once" in sys.argv:
        trade(sys.argv[2:])
        return
    for line in sys.stdin:
        command = json.loads(line)
        answer = globals()[command.pop("ask")](**command)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
