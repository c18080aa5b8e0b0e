"""How much one input may cost, and what may not be seen of it."""

import base64
import logging
import re
import resource
import signal
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from urllib.parse import quote

from trading_bot.clock import Seconds, SystemClock
from trading_bot.logging.masking import SecretMasker
from trading_bot.logging.structured_events import event_formatter

MOST_S: Seconds = 3.0
"""Of a processor's time for an input without length. Most inputs take a millisecond."""
MOST_S_A_MIB: Seconds = 4.0
"""More for each MiB. The dearest reading, of nothing but empty lines of signals, takes 1.7 s a MiB."""
MOST_KIB = 192 * 1024
"""What the process may have more of at once than ever before, for an input without length."""
MOST_TIMES = 128
"""More for each byte, in bytes. The same empty lines, kept all at once, take 118."""

_MIB = 1024 * 1024

ACCOUNT = "5QR31415926"
"""The one secret that the masker of a bot in operation knows by itself."""
SECRETS = (
    *("canary-access-token-1", "canary-refresh-token-1", "canary-device-token", "canary-password", "canary-mfa-SEED"),
    *("canary-user@example.com", ACCOUNT, "canary-db-password", "canary-topic", "canary-code", "canary-verifier"),
)
"""What the doors hold or the corpus plants, and nothing may show."""


class BoundBrokenError(AssertionError):
    """One input cost more than an input may."""


class _TooSlow(BaseException):
    pass


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _TooSlow


@contextmanager
def bounded(size: int = 0, *, most_s: Seconds = MOST_S) -> Iterator[None]:
    """End what is inside if it takes too much of a processor for an input of ``size`` bytes. For the main thread only.

    The bound is linear in the size, so that a reading that is more than linear breaks it with a long input.

    Raises:
        BoundBrokenError: it took more.
    """
    allowed_s = most_s + MOST_S_A_MIB * size / _MIB
    earlier = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, allowed_s)
    try:
        yield
    except _TooSlow:
        raise BoundBrokenError(f"it took more than {allowed_s:.2f} s of a processor") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, earlier)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class MemoryBound:
    """Looks from time to time how much more memory the process needed; a look costs as much as an input."""

    def __init__(self, *, most_kib: int = MOST_KIB, peak_kib: Callable[[], int] = _peak_kib) -> None:
        self._most = most_kib
        self._peak_kib = peak_kib
        self._peak = peak_kib()

    def problem(self, *, longest: int = 0) -> str | None:
        """Say if it needed too much since the last look, with inputs of ``longest`` bytes at the most."""
        before, self._peak = self._peak, self._peak_kib()
        grown = self._peak - before
        return f"it took {grown // 1024} MiB of memory" if grown > self._most + MOST_TIMES * longest // 1024 else None


class Ear(logging.Handler):
    """Hears what our code logs, formatted and masked as a bot in operation would."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(event_formatter(json=True, masker=SecretMasker(secrets=[ACCOUNT]), clock=SystemClock()))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append(self.format(record))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear everything while inside."""
        ours = logging.getLogger("trading_bot")
        level, passes_on = ours.level, ours.propagate
        ours.addHandler(self)
        ours.setLevel(logging.DEBUG)
        ours.propagate = False
        try:
            yield
        finally:
            ours.removeHandler(self)
            ours.setLevel(level)
            ours.propagate = passes_on

    def refuse_secrets(self) -> None:
        """Raise AssertionError if a line has a secret, or is more than a line; forget them all."""
        lines, self.lines = self.lines, []
        for line in lines:
            refuse_secrets(line)
            assert "\n" not in line, "one event became two lines of the log"


def refuse_secrets(*texts: object, but: Collection[str] = ()) -> None:
    """Raise AssertionError if a text has a secret, in clear or as it would travel; those of ``but`` may be shown."""
    for text in texts:
        found = {each.lower() for each in _ANY_SECRET.findall(str(text))} - {each.lower() for each in but}
        assert not found, f"secrets are shown: {found}"


def misplaced(data: bytes, places: Mapping[str, bytes]) -> frozenset[str]:
    """Return the secrets that stand elsewhere than behind their places too, where nobody can know what they are."""
    return frozenset(
        secret
        for secret, before in places.items()
        if data.count(secret.encode()) != len(re.findall(before + re.escape(secret.encode()), data))
    )


def check_message(text: str, *, most: int = 1024) -> None:
    """Raise AssertionError if a message is not fit to be shown: too long, with control characters, or with a secret."""
    assert len(text) <= most, "the message is as long as somebody else liked it"
    refuse_control(text)
    refuse_secrets(text)


def refuse_control(*texts: str) -> None:
    """Raise AssertionError if a text that people see could move the cursor of their terminal."""
    for text in texts:
        found = _CONTROL.search(text)
        assert found is None, f"{text[:200]!r} has a control character: {found}"


_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _forms(secrets: Iterable[str]) -> Iterator[str]:
    for secret in secrets:
        yield secret
        yield quote(secret, safe="")
        yield base64.b64encode(secret.encode()).decode().rstrip("=")


_ANY_SECRET = re.compile("|".join(map(re.escape, dict.fromkeys(_forms(SECRETS)))), re.IGNORECASE)
