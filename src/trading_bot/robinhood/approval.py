"""The approval of a new device, as the broker tells it and as robin_stocks waits for it.

The broker's answers come in several shapes (published ones of 2024 to 2026 are among the tests' samples), and
robin_stocks knows one of each: it polls on for minutes where an answer cannot lead anywhere, and gives up where one is
only late. So every answer is read here first. What goes on is handed to robin_stocks in the shape it knows; what cannot
go on ends the login at once, with one of three endings.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.session import UnreadableReplyError, WireReply
from trading_bot.robinhood.wire import printable

Answer: TypeAlias = Mapping[str, object]

CODE_KINDS = ("sms", "email")
_PROMPT = "prompt"
_DONE = "validated"
_APPROVING = frozenset({"validated", "redeemed", "approved"})
_DECLINING = frozenset({"denied", "declined", "rejected", "failed", "expired", "cancelled", "canceled"})
_WORKFLOW = "workflow_status_"
_THROTTLED = 429
_SERVER_ERROR = 500
_SUCCESS = range(200, 300)
_SHOWN = 40


class Ending(enum.StrEnum):
    """Why the approval of a device came to nothing. In none of them was a password wrong."""

    NOT_APPROVED = "not_approved"  # nobody approved in time, or somebody declined
    UNSUPPORTED = "unsupported"  # the broker asks for something that cannot be answered here
    NOT_UNDERSTOOD = "not_understood"  # its answer has a shape that is not known here


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalEnd:
    """An ending, and the broker's own word for what stood in the way."""

    ending: Ending
    detail: str = ""


class ApprovalError(Exception):
    """The approval of a new device cannot go on; robin_stocks gives up when it meets this."""

    def __init__(self, end: ApprovalEnd | None = None) -> None:
        super().__init__(end.ending if end else "the approval cannot go on")
        self.end = end


def in_known_shape(method: str, path: str, result: WireReply | WireFailure) -> Answer | None:
    """Return the answer in the shape robin_stocks knows; None where it knows the answer as it is.

    Raises:
        ApprovalError: the approval cannot go on.
    """
    for prefix, suffix, of_method, read, meanwhile in _STEPS:
        if method == of_method and path.startswith(prefix) and path.endswith(suffix):
            return meanwhile if _is_passing(result) and meanwhile is not None else read(_object(result))
    return None


def _is_passing(result: WireReply | WireFailure) -> bool:
    if isinstance(result, WireFailure):
        return not result.security_alert
    return result.status == _THROTTLED or result.status >= _SERVER_ERROR


def _object(result: WireReply | WireFailure) -> Answer:
    if isinstance(result, WireFailure):
        raise _not_understood(result.cause)
    if result.status not in _SUCCESS:
        raise _not_understood(f"HTTP {result.status}")
    try:
        found = result.json()
    except UnreadableReplyError as error:
        raise _not_understood("no JSON object") from error
    if not isinstance(found, Mapping):
        raise _not_understood("no JSON object")
    return found


def _machine(answer: Answer) -> Answer:
    name = answer.get("id") or _part(answer, "type_context").get("id")
    if not isinstance(name, str):
        raise _not_understood("no id for this device")
    return {"id": name}


def _challenge(answer: Answer) -> Answer:
    if _workflow(answer) in _APPROVING:
        return _challenge_of(_DONE, status=_DONE, name="")
    inner = _part(answer, "context") or _part(_part(answer, "type_context"), "context")
    challenge = _part(inner, "sheriff_challenge")
    kind, status = _word(challenge, "type"), _word(challenge, "status")
    if not kind:
        raise _not_understood("no challenge is named")
    if status in _APPROVING:
        return _challenge_of(_DONE, status=_DONE, name="")
    if status in _DECLINING:
        raise ApprovalError(ApprovalEnd(ending=Ending.NOT_APPROVED, detail=status))
    if kind not in (_PROMPT, *CODE_KINDS):
        raise ApprovalError(ApprovalEnd(ending=Ending.UNSUPPORTED, detail=kind))
    name = challenge.get("id")
    if not isinstance(name, str) or not name:
        raise _not_understood(f"a {kind} without an id")
    return _challenge_of(kind, status=status, name=name)


def _challenge_of(kind: str, *, status: str, name: str) -> Answer:
    return {"context": {"sheriff_challenge": {"type": kind, "status": status, "id": name}}}


def _prompt(answer: Answer) -> Answer:
    status = _word(answer, "challenge_status")
    if status in _DECLINING:
        raise ApprovalError(ApprovalEnd(ending=Ending.NOT_APPROVED, detail=status))
    return _ISSUED if status not in _APPROVING else {"challenge_status": _DONE}


def _finished(answer: Answer) -> Answer:
    status = _workflow(answer)
    if status in _APPROVING:
        return {"type_context": {"result": "workflow_status_approved"}}
    if status == "internal_pending":
        return _PENDING
    if status in _DECLINING:
        raise ApprovalError(ApprovalEnd(ending=Ending.NOT_APPROVED, detail=status))
    raise _not_understood(status or "no state of the approval")


def _workflow(answer: Answer) -> str:
    words = (
        _word(_part(answer, "type_context"), "result"),
        _word(_part(answer, "verification_workflow"), "workflow_status"),
        _word(_part(_part(answer, "route"), "exit"), "status"),
    )
    return next((word.removeprefix(_WORKFLOW) for word in words if word), "")


def _part(answer: Answer, key: str) -> Answer:
    value = answer.get(key)
    return value if isinstance(value, Mapping) else {}


def _word(answer: Answer, key: str) -> str:
    value = answer.get(key)
    return printable(value).strip().lower()[:_SHOWN] if isinstance(value, str) else ""


def _not_understood(detail: str) -> ApprovalError:
    return ApprovalError(ApprovalEnd(ending=Ending.NOT_UNDERSTOOD, detail=detail))


_ISSUED: Answer = {"challenge_status": "issued"}
_PENDING: Answer = {"verification_workflow": {"workflow_status": "workflow_status_internal_pending"}}
_NOTHING_YET: Answer = {}
_Step: TypeAlias = tuple[str, str, str, Callable[[Answer], Answer], Answer | None]
_STEPS: tuple[_Step, ...] = (
    ("/pathfinder/user_machine/", "", "POST", _machine, None),
    ("/pathfinder/inquiries/", "/user_view/", "GET", _challenge, _NOTHING_YET),
    ("/pathfinder/inquiries/", "/user_view/", "POST", _finished, _PENDING),
    ("/push/", "/get_prompts_status/", "GET", _prompt, _ISSUED),
)
"""Start of the path, its end, the method, how a good answer is read, and what stands for one that failed in passing."""
