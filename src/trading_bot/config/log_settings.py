"""The settings of the log file that a lasting run writes."""

import enum
from typing import Annotated

from pydantic import Field

from trading_bot.config.sections import Section
from trading_bot.config.values import Switch, WholeNumber


class LogLevel(enum.StrEnum):
    """The least urgent event that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogConfig(Section):
    """The log file of ``run``, for people who look later; the journal does not depend on it.

    ``max_bytes`` is the size at which it is begun anew; nine earlier ones are kept.
    """

    to_file: Switch = True
    level: LogLevel = LogLevel.INFO
    max_bytes: Annotated[WholeNumber, Field(ge=65_536, le=1_073_741_824)] = 10_485_760
