"""What waits for one service: which message goes when, and what is left out. No thread, no network; the clock is given.

A message that is not urgent waits for the end of the quiet hours. Of ``max_per_minute`` sendings a minute, each takes
along all that may go by then, as one text. After a failure the same messages wait for the end of a pause, and those
that have come meanwhile go with them.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from trading_bot.clock import Clock, Seconds

FIRST_PAUSE_S: Seconds = 5.0
"""After a first failure; doubled for each further one. Chosen."""

LONGEST_PAUSE_S: Seconds = 300.0
_MINUTE_S: Seconds = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing to tell; ``text`` has no secret in it."""

    at: datetime
    title: str
    """What it is, in a word or two."""
    text: str
    is_urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is sent at once."""

    messages: tuple[Message, ...]
    left_out: int = 0
    """Older messages that did not fit any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Wall-clock times of ``zone``, the first included and the last not; over midnight if the last is the earlier."""

    begin: time
    end: time
    zone: ZoneInfo

    def hold(self, moment: datetime) -> bool:
        """Whether they hold at an aware moment."""
        now = moment.astimezone(self.zone).time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end


class Outbox:
    """The messages for one service. Not safe to share between threads: its `Lane` has a lock."""

    def __init__(self, *, clock: Clock, limit: int, max_per_minute: int, quiet: QuietHours | None = None) -> None:
        self._clock = clock
        self._limit = limit
        self._max_per_minute = max_per_minute
        self._quiet = quiet
        self._waiting: deque[Message] = deque()
        self._left_out = 0
        self._sent_at: deque[Seconds] = deque()
        self._pause_s = FIRST_PAUSE_S
        self._not_before: Seconds = clock.monotonic()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message) -> int:
        """Let a message wait; return how many were left out for it."""
        self._waiting.append(message)
        return self._trim()

    def take(self, *, at_once: bool = False) -> Batch | None:
        """Return what may go now, if anything; ``at_once`` is a last sending, for which no pause and no rate counts."""
        if not at_once and self.wait_s() > 0:
            return None
        is_quiet = self._is_quiet()
        going = tuple(each for each in self._waiting if each.is_urgent or not is_quiet)
        if not going:
            return None
        self._waiting = deque(each for each in self._waiting if not each.is_urgent and is_quiet)
        self._sent_at.append(self._clock.monotonic())
        left_out, self._left_out = self._left_out, 0
        return Batch(messages=going, left_out=left_out)

    def wait_s(self) -> Seconds:
        """Return for how long nothing may go, for the pause or the rate; 0 or less if something may now."""
        now = self._clock.monotonic()
        while self._sent_at and self._sent_at[0] <= now - _MINUTE_S:
            self._sent_at.popleft()
        full_until = self._sent_at[0] + _MINUTE_S if len(self._sent_at) >= self._max_per_minute else now
        return max(full_until, self._not_before) - now

    def delivered(self) -> None:
        """Note that the last batch has arrived."""
        self._pause_s = FIRST_PAUSE_S

    def failed(self, batch: Batch) -> int:
        """Keep a batch that has not arrived, and begin a pause; return how many messages are left out for it."""
        self._not_before = self._clock.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._waiting.extendleft(reversed(batch.messages))
        self._left_out += batch.left_out
        return self._trim()

    def _is_quiet(self) -> bool:
        return self._quiet is not None and self._quiet.hold(self._clock.now())

    def _trim(self) -> int:
        dropped = 0
        while len(self._waiting) > self._limit:
            # Where all are urgent, the oldest of them.
            place = next((place for place, each in enumerate(self._waiting) if not each.is_urgent), 0)
            del self._waiting[place]
            dropped += 1
        self._left_out += dropped
        return dropped


_LONGEST_LINE = 400
_LONGEST_BODY = 1500
"""Characters of one sending. Chosen: what most services show whole."""


def text_of(batch: Batch, *, label: str, zone: ZoneInfo) -> tuple[str, str]:
    """Return title and body of what is sent at once. Where not all fits, urgent messages and then the latest are shown.

    ``label`` says which account it is.
    """
    lines = [f"{each.at.astimezone(zone):%H:%M:%S %Z} {each.text[:_LONGEST_LINE]}" for each in batch.messages]
    wanted = sorted(range(len(lines)), key=lambda place: (not batch.messages[place].is_urgent, -place))
    room, shown = _LONGEST_BODY, set[int]()
    for place in wanted:
        room -= len(lines[place])
        if room < 0 and shown:
            break
        shown.add(place)
    body = [lines[place] for place in sorted(shown)]
    if left_out := batch.left_out + len(lines) - len(shown):
        body.append(f"{left_out} more did not fit; 'trading-bot audit tail' has what happened")
    title = batch.messages[0].title if len(batch.messages) == 1 else f"{len(batch.messages)} messages"
    return f"{label}: {title}", "\n".join(body)
