"""Which requests of the agent interface read prices and nothing else; the transport for prices lets no other pass."""

from typing import Final

from trading_bot.agent.account import HISTORICALS, PRICE_BOOK, QUOTES
from trading_bot.agent.endpoint import ENDPOINT_PATH, GRANTS_PATH
from trading_bot.robinhood.hosts import AGENT_HOST, BROKER_HOST
from trading_bot.robinhood.strict_json import UnreadableReplyError, strict_json

_TOOLS: Final = frozenset({QUOTES, PRICE_BOOK, HISTORICALS})
_OPENING: Final = frozenset({"initialize", "notifications/initialized"})


def asks_agent_for_prices(method: str, host: str, path: str, body: bytes) -> bool:
    """Whether a request opens a session, calls a tool that reads prices, or renews a login. See `AsksForPrices`."""
    if method != "POST":
        return False
    if (host, path) == (BROKER_HOST, GRANTS_PATH):
        return True
    return (host, path) == (AGENT_HOST, ENDPOINT_PATH) and _reads_prices(body)


def _reads_prices(body: bytes) -> bool:
    # Read as strictly as can be: a key given twice could say one thing here and another at the server.
    try:
        message = strict_json(body)
    except UnreadableReplyError:
        return False
    match message:
        case {"method": "tools/call", "params": {"name": str(tool)}}:
            return tool in _TOOLS
        case {"method": str(name)}:
            return name in _OPENING
        case _:
            return False
