"""The send horizon: until when the bytes of a submit can still reach the broker, even if their writer is gone.

A kernel keeps what was written to a socket. After a broken link it delivers that once the link returns, also when the
writing process was killed long before. So nothing that rests on "it can no longer arrive" counts from the deadline of
a submit alone: neither the absence of an order, nor a decision of a person, nor the verdict of a kill. They count from
the send horizon, which depends on what carries the bytes (`Carrier`).

The kernel's own count stands still while the machine sleeps. The horizon is on the wall clock and passes meanwhile; for
such bytes only the second look, which is a minute of waking time after the first, still guards.
"""

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from trading_bot.clock import Seconds
from trading_bot.order_management.models import ExecutionMode

EXPIRY_SLACK_S: Seconds = 60.0
"""On top of the time the kernel was given: for its timers, and for what is under way in the network. Chosen."""

LINGER_S: Seconds = 15 * 60.0
"""How long a kernel is assumed to deliver if it was given no limit; Linux repeats for 13 to 30 minutes by default,
and less for the sockets of a process that is gone. Chosen."""


class Carrier(enum.Enum):
    """What carries the bytes of a submit, by how long they outlive its deadline."""

    IN_PROCESS = "in_process"  # no socket: an exchange in this process, or a stand-in
    EXPIRING_SOCKET = "expiring_socket"  # the kernel gives up by itself after the attempt's remaining time
    LINGERING_SOCKET = "lingering_socket"  # the platform knows no such limit, or the transport is not ours


def slowest_carrier(mode: ExecutionMode) -> Carrier:
    """Return what has to be assumed where nothing is known of the transport: no socket exists in paper mode alone."""
    return Carrier.IN_PROCESS if mode is ExecutionMode.PAPER else Carrier.LINGERING_SOCKET


class SubmitTimes(Protocol):
    """The settings that bound a submit, in seconds."""

    @property
    def intent_ttl_s(self) -> Seconds:
        """For how long after an intent an attempt may begin."""
        ...

    @property
    def submit_deadline_s(self) -> Seconds:
        """When the whole submit has ended, after its intent."""
        ...

    @property
    def request_timeout_s(self) -> Seconds:
        """How long one attempt may take, and so the most that can remain of it when its bytes are written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SendHorizon:
    """When the last bytes of a submit have arrived or never will."""

    times: SubmitTimes
    carrier: Carrier

    @property
    def after_intent(self) -> timedelta:
        """Counted from the intent of one order."""
        return timedelta(seconds=self.times.submit_deadline_s + self._beyond_deadline_s)

    @property
    def after_last_write_s(self) -> Seconds:
        """Counted from a moment after which no process of ours writes any more, whenever the intents were made."""
        return self.times.intent_ttl_s + self.times.request_timeout_s + self._beyond_deadline_s

    @property
    def _beyond_deadline_s(self) -> Seconds:
        beyond = {
            Carrier.IN_PROCESS: 0.0,
            Carrier.EXPIRING_SOCKET: self.times.request_timeout_s + EXPIRY_SLACK_S,
            Carrier.LINGERING_SOCKET: LINGER_S,
        }
        return beyond[self.carrier]
