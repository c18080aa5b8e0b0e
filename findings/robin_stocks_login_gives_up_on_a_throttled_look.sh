#!/usr/bin/env bash
# robin_stocks 3.4.0: one throttled look at a device approval ends the login, and so does an approval after two minutes.
#
# One would guess: `login()` goes on looking until the person has approved the device in the app, and a 429 in between
# is looked at again, since the address is asked every five seconds and throttles hard.
# What is so: a look that is answered 429 becomes None, `None["challenge_status"]` raises TypeError, and `login()` swallows it.
# An approval that comes 130 s after the start is noticed, and then thrown away ("Timeout reached"). In both cases the
# approved device is never used: no second request for a token is made, and the caller is told to check the credentials.
# The return value is None, as for a wrong password, so a caller may count a failed login and lock itself out.
#
# Seen (CPython 3.11.7, robin-stocks 3.4.0, requests 2.34.2):
#   approved at the second look            -> token requests: 2, logged in: True
#   throttled once, approved afterwards    -> token requests: 1, logged in: False
#   approved 130 seconds after the start   -> token requests: 1, logged in: False
#
# What to do: read the approval's answers oneself, hand the library only those it understands, and judge a login by the
# answers of the token endpoint. Exits non-zero if the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check robin-stocks==3.4.0 requests==2.34.2 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import json
from types import SimpleNamespace

import requests
from robin_stocks.robinhood import authentication, helper


class Broker(requests.adapters.BaseAdapter):
    """Answers in place of the network: device approval by prompt, then a token."""

    def __init__(self, looks):
        super().__init__()
        self.looks, self.tokens, self.approved = iter(looks), 0, False

    def send(self, request, **_options):
        status, body = self.answer(request.method, request.path_url)
        response = requests.Response()
        response.status_code, response.request, response.url = status, request, request.url
        response.raw = io.BytesIO(json.dumps(body).encode())
        return response

    def answer(self, method, path):
        if path == "/oauth2/token/":
            self.tokens += 1
            if self.approved:
                return 200, {"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": 86400}
            return 403, {"verification_workflow": {"id": "w", "workflow_status": "workflow_status_internal_pending"}}
        if path == "/pathfinder/user_machine/":
            return 200, {"id": "m"}
        if path.startswith("/push/"):
            status, word = next(self.looks)
            self.approved = word == "validated"
            return status, {"challenge_status": word}
        if method == "GET":
            return 200, {"context": {"sheriff_challenge": {"type": "prompt", "status": "issued", "id": "c"}}}
        return 200, {"type_context": {"result": "workflow_status_approved"}}

    def close(self):
        pass


def outcome(looks):
    broker, now = Broker(looks), [0.0]
    helper.SESSION.mount("https://api.robinhood.com/", broker)
    helper.set_login_state(False)
    helper.SESSION.headers.pop("Authorization", None)
    authentication.time = SimpleNamespace(
        time=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    with contextlib.redirect_stdout(io.StringIO()):
        authentication.login("user", "password", store_session=False, pickle_path=".")
    return broker.tokens, "Authorization" in helper.SESSION.headers


seen = {
    "approved at the second look": outcome([(200, "issued"), (200, "validated")]),
    "throttled once, approved afterwards": outcome([(429, "issued"), (200, "validated")]),
    "approved 130 seconds after the start": outcome([(200, "issued")] * 24 + [(200, "validated")]),
}
for case, (tokens, logged_in) in seen.items():
    print(f"{case:<38} -> token requests: {tokens}, logged in: {logged_in}")
assert list(seen.values()) == [(2, True), (1, False), (1, False)], "the behaviour has changed"
PYTHON
