#!/usr/bin/env bash
# robin_stocks 3.4.0: the first row of a list says which fields all rows have, and a failed look-up is kept for good.
#
# One would guess that asking a list for one field (`info=`) gives that field of every row that has it, and that a
# symbol which could not be looked up once is looked up again. Neither is so:
#
#   - `filter_data` looks for the field in the first row alone. Positions of which only the first, a delisted holding,
#     has no `symbol` come back as [], that is "nothing held". The same rows in another order raise KeyError.
#   - `get_symbol_by_url` is cached by its address, and its decorator turns None into "". One HTTP 503 therefore makes
#     the instrument nameless until the process ends, although the next request would have answered.
#
# What to do: read the rows without `info=` and take each field row by row; keep symbols in a table of one's own that
# remembers answers and never failures.
#
# Seen with robin_stocks 3.4.0, requests 2.34.2, CPython 3.11.7:
#
#   every row has it              -> ['F', 'AAPL']
#   the first row does not        -> []
#   a later row does not          -> KeyError: 'symbol'
#   look-up: HTTP 503, then 200   -> '' and '' after 1 request
#
# Exits 0 while this is so, 1 once it is not. PYTHON names the interpreter (default python3). No request leaves the
# machine: an adapter of requests answers in place of the broker.
set -euo pipefail

python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check robin_stocks==3.4.0 requests==2.34.2

cat >"$folder/try.py" <<'PYTHON'
import io
import json
import sys

import requests
from robin_stocks.robinhood import account, helper, stocks

BASE = "https://api.robinhood.com"
F, AAPL, DELISTED = {"symbol": "F", "quantity": "50"}, {"symbol": "AAPL", "quantity": "7"}, {"quantity": "3"}


class Broker(requests.adapters.BaseAdapter):
    """Answers with what it is given, in order."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.asked = 0

    def send(self, request, **_):
        self.asked += 1
        status, body = self.answers.pop(0)
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.raw = io.BytesIO(json.dumps(body).encode())
        return response

    def close(self):
        pass


def held(*rows):
    helper.SESSION.mount(f"{BASE}/", Broker((200, {"results": rows, "next": None})))
    try:
        return repr(account.get_open_stock_positions(info="symbol"))
    except KeyError as error:
        return f"KeyError: {error}"


def looked_up():
    broker = Broker((503, {}), (200, {"symbol": "F"}))
    helper.SESSION.mount(f"{BASE}/", broker)
    address = f"{BASE}/instruments/6df56bd0-0bf2-44ab-8875-f94fd8526942/"
    first, second = stocks.get_symbol_by_url(address), stocks.get_symbol_by_url(address)
    return f"{first!r} and {second!r} after {broker.asked} request"


helper.set_login_state(True)
helper.set_output(io.StringIO())
seen = {
    "every row has it": held(F, AAPL),
    "the first row does not": held(DELISTED, F, AAPL),
    "a later row does not": held(F, DELISTED, AAPL),
    "look-up: HTTP 503, then 200": looked_up(),
}
expected = ["['F', 'AAPL']", "[]", "KeyError: 'symbol'", "'' and '' after 1 request"]
for what, came in seen.items():
    print(f"{what:<29} -> {came}")
sys.exit(list(seen.values()) != expected)
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
