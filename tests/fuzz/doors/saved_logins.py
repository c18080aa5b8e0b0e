"""Small files that a start believes: saved sessions, the armed file, failed logins, and the login of robin_stocks.

The first line of an input names the file; all behind it is what stands there.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from tests.fuzz.bounds import misplaced, refuse_control, refuse_secrets
from tests.support.scripted_broker import MORNING
from trading_bot.agent.login.saved_login import LoginStore
from trading_bot.armed_file import SCHEMA_VERSION
from trading_bot.auth.login_budget import LoginBudget, LoginBudgetError
from trading_bot.auth.robin_stocks_file import read_robin_stocks_file
from trading_bot.auth.token_store import TokenStore
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.latch import Latch
from trading_bot.order_management.exceptions import AuthenticationError

USERNAME = SecretStr("canary-user@example.com")
ACCOUNT = SecretStr("5QR31415926")
_PRIVATE = 0o600
_NAME = re.compile(r'"([^"]+)"\s*:')
"""A name in a file: an unknown one is told, whatever somebody has called it."""
_IN_FILE = {
    "canary-access-token-1": rb'"access_token"\s*:\s*"',
    "canary-refresh-token-1": rb'"refresh_token"\s*:\s*"',
    "canary-device-token": rb'"device_token"\s*:\s*"',
}
_LONGEST_MESSAGE = 1024
_BEGINNING = 20
"""So many characters of a name stand for it where a message cuts it short."""


class SavedLogins:
    """Each file is read as its own reader reads it; none of them is changed by that."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "file"
        self._file.touch(mode=_PRIVATE)
        self._clock = VirtualClock(MORNING)
        self._files = LocalFiles()
        self._readers: Mapping[bytes, Callable[[], str]] = {
            b"session": self._session,
            b"agent": self._agent,
            b"armed": self._armed,
            b"budget": self._budget,
            b"robin_stocks": self._robin_stocks,
        }

    def __call__(self, data: bytes) -> str:
        """Write the file and let its reader read it."""
        name, _, content = data.partition(b"\n")
        reader = self._readers.get(name, self._session)
        self._file.write_bytes(content)
        try:
            ended = reader()
        except AuthenticationError as error:
            _check_message(str(error))
            ended = f"refused {type(error).__name__}"
        assert self._file.read_bytes() == content, "reading changed the file"
        return ended

    def _session(self) -> str:
        store = TokenStore(path=self._file, username=USERNAME, account_number=ACCOUNT, files=self._files)
        saved = store.load()
        refuse_secrets(repr(saved))
        return "session"

    def _agent(self) -> str:
        saved = LoginStore(path=self._file, account="live-account", files=self._files).load()
        refuse_secrets(repr(saved), but=misplaced(self._file.read_bytes(), _IN_FILE))
        if saved is not None:
            saved.is_due(self._clock.now())
        return "agent"

    def _armed(self) -> str:
        look = Latch(path=self._file, clock=self._clock, new_id=lambda: "id", boot_id=lambda: "boot").look()
        for reason in (look.not_armed, look.not_reducing):
            if reason is not None:
                names = _NAME.findall(self._file.read_text(encoding="utf-8", errors="replace"))
                _check_message(_without(reason, names))
        if look.not_armed is None:
            content = json.loads(self._file.read_bytes())
            assert content["v"] == SCHEMA_VERSION, "armed by a file of another version"
            assert not content.get("exits_only"), "armed for everything by an arming for exits"
        return "armed" if look.not_armed is None else "exits" if look.not_reducing is None else "disarmed"

    def _budget(self) -> str:
        budget = LoginBudget(path=self._file, clock=self._clock, files=self._files)
        content = self._file.read_bytes()
        try:
            budget.begin()
        except LoginBudgetError as error:
            _check_message(str(error))
            return "no login"
        self._file.write_bytes(content)
        # A number is a time as well: so many seconds after 1970.
        told = [each for each in json.loads(content)["failures"] if isinstance(each, str) and each[:1] == "2"]
        assert max(told, default="") < str(MORNING + timedelta(days=2)), "a login too early"
        return "login"

    def _robin_stocks(self) -> str:
        found = read_robin_stocks_file(self._file)
        refuse_secrets(repr(found))
        return "taken over"


def _without(message: str, names: Collection[str]) -> str:
    """Leave out the names that a message tells, also one that it tells the beginning of."""
    assert len(message) <= _LONGEST_MESSAGE, "the message is as long as the file"
    told = {_beginning_in(message, name) for name in names if name[:_BEGINNING] in message}
    return re.sub("|".join(map(re.escape, sorted(told, key=len, reverse=True))) or "$^", "a name", message)


def _beginning_in(message: str, name: str) -> str:
    begun = [name[:length] for length in range(_BEGINNING, min(len(name), len(message)) + 1)]
    return next((each for each in reversed(begun) if each in message), name)


def _check_message(message: str) -> None:
    refuse_secrets(message)
    refuse_control(message)
    assert len(message) <= _LONGEST_MESSAGE, "the message is as long as the file"
