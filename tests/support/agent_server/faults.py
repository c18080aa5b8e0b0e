"""What can befall one request. "Before" leaves the book alone; "after" means that the server acted."""

import enum


class Fault(enum.StrEnum):
    """A fault of the network, of HTTP, of JSON-RPC or of a tool."""

    # Nothing was written.
    DNS = "dns"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    # Bytes left, and no whole reply came.
    HALF_WRITTEN = "half_written"
    REQUEST_LOST = "request_lost"
    RESET_BEFORE = "reset_before"
    REPLY_LOST = "reply_lost"
    RESET_AFTER = "reset_after"
    LATE = "late"
    CUT = "cut"
    """The reply ends in the middle, although the connection closes in good order."""
    # A status.
    UNAUTHORIZED = "unauthorized"
    SESSION_LOST = "session_lost"
    SESSION_LOST_400 = "session_lost_400"
    THROTTLED = "throttled"
    REDIRECT = "redirect"
    FORBIDDEN_PAGE = "forbidden_page"
    E500_BEFORE = "500_before"
    E500_AFTER = "500_after"
    E502_AFTER = "502_after"
    E503_BEFORE = "503_before"
    E504_AFTER = "504_after"
    # A body.
    HTML = "html"
    EMPTY = "empty"
    OTHER_ID = "other_id"
    """Somebody else's answer, and none of ours."""
    NO_ANSWER = "no_answer"
    """A stream that ends without an answer."""
    # An error of JSON-RPC, or of a tool.
    RPC_BEFORE = "rpc_before"
    RPC_AFTER = "rpc_after"
    RATE_LIMITED_BEFORE = "rate_limited_before"
    RATE_LIMITED_AFTER = "rate_limited_after"
    HTML_TEXT_BEFORE = "html_text_before"
    HTML_TEXT_AFTER = "html_text_after"
    PROSE_BEFORE = "prose_before"
    PROSE_AFTER = "prose_after"
    GRPC_AFTER = "grpc_after"
    CONFLICT = "conflict"
    API_400 = "api_400"
    API_403 = "api_403"
    API_404 = "api_404"
    API_408_AFTER = "api_408_after"
    API_422 = "api_422"
    API_429_AFTER = "api_429_after"
    API_500_AFTER = "api_500_after"
    EMPTY_TEXT_AFTER = "empty_text_after"
    # A good result that tells something else.
    NO_DATA = "no_data"
    NULL_ROWS = "null_rows"
    FOREIGN_ORDER = "foreign_order"
    """The reply to a place is about an order under another id."""
    STALE = "stale"
    """A list comes from a copy that does not know the newest orders."""
    PAGE_LOOP = "page_loop"
    ODD_NUMBERS = "odd_numbers"
    """Quantities and prices are no numbers."""
    UNKNOWN_STATE = "unknown_state"
    APPROVAL_WITHOUT_ORDER = "approval_without_order"
    """The server took the order, and tells only that the owner was asked."""


BEFORE_WRITING = frozenset({Fault.DNS, Fault.REFUSED, Fault.CONNECT_TIMEOUT, Fault.TLS})
NEVER_ACTS = BEFORE_WRITING | {
    Fault.HALF_WRITTEN,
    Fault.REQUEST_LOST,
    Fault.RESET_BEFORE,
    Fault.UNAUTHORIZED,
    Fault.SESSION_LOST,
    Fault.SESSION_LOST_400,
    Fault.THROTTLED,
    Fault.REDIRECT,
    Fault.FORBIDDEN_PAGE,
    Fault.E500_BEFORE,
    Fault.E503_BEFORE,
    Fault.RPC_BEFORE,
    Fault.RATE_LIMITED_BEFORE,
    Fault.HTML_TEXT_BEFORE,
    Fault.PROSE_BEFORE,
    Fault.CONFLICT,
    Fault.API_400,
    Fault.API_403,
    Fault.API_404,
    Fault.API_422,
}
"""After these the book is as it was."""


class Silence(Exception):  # noqa: N818 - not an error of the server
    """No reply comes; the connection stays open."""


class Reset(Exception):  # noqa: N818 - not an error of the server
    """The connection is reset instead of a reply."""
