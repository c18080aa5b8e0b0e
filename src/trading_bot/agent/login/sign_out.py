"""Ends a login at the broker, as far as the broker lets it be ended from here."""

import enum
from urllib.parse import urlencode

from trading_bot.agent.login.metadata import TIMEOUT_S, LoginWire, read_server
from trading_bot.agent.login.saved_login import SavedLogin
from trading_bot.auth.login_answers import SUCCESS
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import FORM, WireReply, WireRequest


class Revoked(enum.StrEnum):
    """Whether a login has ended at the broker."""

    YES = "yes"
    NOT_OFFERED = "not_offered"  # the server names no way; the login ends by itself, or in the broker's app
    NOT_CONFIRMED = "not_confirmed"
    NONE_HERE = "none_here"  # no login was kept here, so nothing was asked


def revoke(login: SavedLogin, *, http: LoginWire, grants: LoginWire) -> Revoked:
    """Ask the server to end ``login``, where it offers that; RFC 7009. Raises nothing."""
    try:
        place = read_server(http).revocation
    except AuthenticationError:
        return Revoked.NOT_CONFIRMED
    if place is None:
        return Revoked.NOT_OFFERED
    token = login.refresh_token or login.access_token
    request = WireRequest(
        method="POST",
        path=place.path,
        body=urlencode({"token": token.get_secret_value(), "client_id": login.client_id}).encode("ascii"),
        content_type=FORM,
        authenticated=False,
    )
    result = (http if place.is_at_agent_host else grants).exchange(request, timeout_s=TIMEOUT_S)
    is_done = isinstance(result, WireReply) and result.status in SUCCESS
    return Revoked.YES if is_done else Revoked.NOT_CONFIRMED
