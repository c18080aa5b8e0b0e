"""The settings of the broker's official agent interface, and of which interface is spoken."""

import enum
from typing import Annotated

from pydantic import Field

from trading_bot.config.sections import Section
from trading_bot.config.values import Duration


class GatewayKind(enum.StrEnum):
    """Which of the broker's interfaces a live account is traded over."""

    PRIVATE = "private"
    """The private wire of the broker's own app."""
    AGENT = "agent"
    """The official agent interface."""


class Review(enum.StrEnum):
    """What the broker's own review of an order, asked for before it is sent, may do."""

    OFF = "off"
    WARN = "warn"
    BLOCK = "block"


class AgentConfig(Section):
    """How the agent interface is used. Durations are in seconds."""

    review: Review = Review.OFF
    """Whether the broker is asked to review each order first: not at all, for its remarks, or as a check."""
    approval_wait_s: Annotated[Duration, Field(ge=5, le=600)] = 60
    """How long an entry may wait for the owner's approval before it is cancelled."""
