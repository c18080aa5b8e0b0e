"""The two hosts of the broker that a request may go to."""

from typing import Final

BROKER_HOST: Final = "api.robinhood.com"
AGENT_HOST: Final = "agent.robinhood.com"
