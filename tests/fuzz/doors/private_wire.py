"""Replies of the private HTTPS wire, read by the real session, parsers and gateway."""

from pathlib import Path

from tests.fuzz.doors.gateway_calls import CANCELS, READS, check_submitted, checked_read, submitted
from tests.fuzz.doors.wire_case import HostileBroker, WireCase
from tests.support.scripted_broker import INSTRUMENT, ORDER, Answer, account_row, clock, instrument_row, page, reply
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.outcomes import Ending
from trading_bot.robinhood.session import BASE_URL, BrokerSession

ACCOUNT = "5QR31415926"
BEARER = "canary-access-token-1"
_SUBMIT = f"POST {BASE_URL}/orders/"
_CANCEL = f"POST {BASE_URL}/orders/{ORDER}/cancel/"
_MOST_REQUESTS = 700
"""Two hundred pages, each asked for again where it fails."""

_ENDINGS = {
    400: (Ending.REJECTED, Ending.UNKNOWN),
    401: (Ending.NOT_SENT,),
    403: (Ending.REJECTED, Ending.UNKNOWN),
    404: (Ending.REJECTED, Ending.UNKNOWN),
    422: (Ending.REJECTED, Ending.UNKNOWN),
    429: (Ending.NOT_SENT,),
}
_SUCCESS = range(200, 300)


class PrivateWire:
    """``submit``, or the name of a read or cancel; an unknown one is a listing."""

    def __init__(self, _folder: Path) -> None:
        self._looked_up = {
            "/accounts/": page(account_row(ACCOUNT)),
            f"/accounts/{ACCOUNT}/": reply(200, account_row(ACCOUNT)),
            "/instruments/": page(instrument_row()),
            f"/instruments/{INSTRUMENT}/": reply(200, instrument_row()),
        }

    def __call__(self, data: bytes) -> str:
        """Give the case's replies to its call."""
        case = WireCase.read(data)
        is_submit = case.call == "submit"
        call = case.call if case.call in READS or case.call in CANCELS else "open"
        replies = 0

        def answer(method: str, path: str, _body: bytes) -> Answer:
            nonlocal replies
            if is_submit and method == "GET":
                return self._looked_up[path]
            replies += 1
            return case.answer(replies - 1)

        time, broker = clock(), HostileBroker(answer)
        session = BrokerSession(adapter=broker, clock=time)
        session.set_bearer(BEARER)
        gateway = RobinhoodGateway(session=session, clock=time, account_number=ACCOUNT, renew=lambda _: False)
        if not is_submit:
            ended = checked_read(call, gateway, time)
            self._check_requests(broker.asked, () if call in READS else (_CANCEL,))
            return ended
        ended = check_submitted(submitted(gateway), may_be=_endings_of(case.status))
        self._check_requests(broker.asked, (_SUBMIT,))
        assert broker.asked.count(_SUBMIT) == 1, "one submit is one request"
        return ended

    def _check_requests(self, asked: list[str], may_post: tuple[str, ...]) -> None:
        assert len(asked) <= _MOST_REQUESTS, f"{len(asked)} requests for one call"
        for each in asked:
            assert each in may_post or each.startswith(f"GET {BASE_URL}/"), f"it asked {each}"


def _endings_of(status: int) -> tuple[Ending, ...]:
    if status in _SUCCESS:
        return Ending.ACCEPTED, Ending.UNKNOWN
    return _ENDINGS.get(status, (Ending.UNKNOWN,))
