"""The settings of messages to a person, of the heartbeat, and of the figures for Prometheus."""

import enum
from typing import Annotated, Self

from pydantic import Field, model_validator

from trading_bot.config.sections import Section
from trading_bot.config.values import ClockTime, Duration, WholeNumber


class Rule(enum.StrEnum):
    """What becomes of messages of one kind."""

    OFF = "off"
    NORMAL = "normal"  # waits for the end of the quiet hours
    URGENT = "urgent"  # is sent in the quiet hours too


class NotifyRules(Section):
    """One rule for each kind of message; the names are those of `trading_bot.notify.kinds.Kind`."""

    fills: Rule = Rule.NORMAL
    ends: Rule = Rule.NORMAL
    refusals: Rule = Rule.NORMAL
    halts: Rule = Rule.URGENT
    unknown_outcomes: Rule = Rule.URGENT
    drift: Rule = Rule.URGENT
    login_needed: Rule = Rule.URGENT
    tie_out: Rule = Rule.URGENT
    protection: Rule = Rule.URGENT
    alerts: Rule = Rule.URGENT
    summary: Rule = Rule.NORMAL


class NotifyConfig(Section):
    """Which messages are sent, and when. Where to is a secret: see `trading_bot.config.secret_urls`.

    The quiet hours are wall-clock times of ``trading.hours.timezone``; they may go over midnight.
    """

    rules: NotifyRules = Field(default_factory=NotifyRules)
    quiet_from: ClockTime | None = None
    quiet_to: ClockTime | None = None
    max_per_minute: Annotated[WholeNumber, Field(ge=1, le=60)] = 6
    queue_limit: Annotated[WholeNumber, Field(ge=10, le=10_000)] = 500

    @model_validator(mode="after")
    def _quiet_hours_have_both_ends(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_to is None) or (
            self.quiet_from is not None and self.quiet_from == self.quiet_to
        ):
            raise ValueError("must have both quiet_from and quiet_to, and they must differ, or neither")
        return self


class HeartbeatConfig(Section):
    """How often a service elsewhere hears that the bot is well, in seconds. Its address is a secret."""

    interval_s: Annotated[Duration, Field(ge=10, le=3600)] = 60


class MetricsConfig(Section):
    """Where Prometheus may read figures: a port of this machine alone, null for none."""

    port: Annotated[WholeNumber, Field(ge=1024, le=65_535)] | None = None
