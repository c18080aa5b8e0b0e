"""Where the agent interface is. Each address was seen in use by public clients, in August to October 2026."""

from typing import Final

from trading_bot.robinhood import hosts

AGENT_HOST: Final = hosts.AGENT_HOST
AGENT_BASE_URL: Final = f"https://{AGENT_HOST}"
ENDPOINT_PATH: Final = "/mcp/trading"
ENDPOINT_URL: Final = f"{AGENT_BASE_URL}{ENDPOINT_PATH}"
"""The endpoint, which is also the issuer of tokens and the resource that they are for."""

SERVER_METADATA_PATH: Final = "/.well-known/oauth-authorization-server/mcp/trading"
REGISTRATION_PATH: Final = "/oauth/trading/register"
GRANTS_BASE_URL: Final = f"https://{hosts.BROKER_HOST}"
GRANTS_PATH: Final = "/oauth2/token/"
AUTHORIZATION_URL: Final = "https://robinhood.com/oauth"
SCOPE: Final = "internal"
"""The only one there is: no token can be had that only reads."""
