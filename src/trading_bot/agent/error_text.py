"""What the text of a bad result says by its form: a status, with or without JSON; never by its words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from trading_bot.agent.tool_call import RpcError, ToolError
from trading_bot.robinhood.strict_json import UnreadableReplyError, strict_json

_NUMBERED = re.compile(r"API error ([0-9]{3}): (.*)", re.DOTALL)
_UPSTREAM = re.compile(r"rpc error: code = ([A-Za-z]+)")
_THROTTLED = "RATE_LIMITED"
_THROTTLED_CATEGORY = "rate_limited"
_THROTTLED_STATUS = 429
_SERVER_TROUBLE = range(500, 600)
_REQUEST_TIMEOUT = 408
_PASSING_CODES = frozenset(
    {"Aborted", "Canceled", "DeadlineExceeded", "Internal", "ResourceExhausted", "Unavailable", "Unknown"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """A bad result, taken apart."""

    said: bytes = field(default=b"", repr=False)
    """What follows the number, and where there is none the whole text."""
    status: int | None = None
    """The status of the broker's own answer; None where the text names none."""
    body: object = field(default=None, repr=False)
    """What the broker's answer held as JSON; None where it held none."""
    upstream_code: str | None = None
    """The gRPC code of a service behind the tool, if the text names one: the request did go there."""
    is_throttled: bool = False

    @classmethod
    def of(cls, error: ToolError | RpcError) -> "ErrorText":
        """Take the text of a bad result apart, or that of an error of JSON-RPC, whose form may be the same."""
        numbered = _NUMBERED.match(error.text)
        upstream = _UPSTREAM.search(error.text) if numbered is None else None
        status = None if numbered is None else int(numbered.group(1))
        said = (error.text if numbered is None else numbered.group(2)).encode("utf-8", errors="replace")
        return cls(
            said=said,
            status=status,
            body=None if numbered is None else _json(said),
            upstream_code=None if upstream is None else upstream.group(1),
            is_throttled=status == _THROTTLED_STATUS
            or (isinstance(error, ToolError) and error.category == _THROTTLED_CATEGORY)
            or error.text.startswith(_THROTTLED),
        )

    @property
    def fields(self) -> Mapping[str, object]:
        """The names and values of the broker's own answer; empty where it held no JSON object."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def may_pass(self) -> bool:
        """Whether asking again may help."""
        trouble = self.status is not None and (self.status in _SERVER_TROUBLE or self.status == _REQUEST_TIMEOUT)
        return self.is_throttled or trouble or self.upstream_code in _PASSING_CODES


def _json(said: bytes) -> object:
    try:
        return strict_json(said)
    except UnreadableReplyError:
        return None
