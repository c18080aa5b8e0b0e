"""Keep secrets out of every log: only keys known to be safe pass, and texts under them are searched once more."""

import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number

MASK = "***"

SAFE_KEYS = frozenset(
    {
        *(
            "event",
            "level",
            "timestamp",
            "logger",
            "exception",
            "v",
            "ts",
            "session_id",
            "correlation_id",
            "seq",
            "pid",
        ),
        *("client_order_id", "ref_id", "order_id", "execution_id", "duplicate_of", "symbol", "symbols", "side"),
        "order_type",
        *("quantity", "filled_quantity", "remaining_quantity", "limit_price", "reference_price", "average_price"),
        *("state", "broker_state", "status", "code", "reason", "message", "problem", "cause", "gate", "strategy_name"),
        *("execution_mode", "mode", "time_in_force", "extended_hours", "attempt", "attempts", "status_code", "phase"),
        *("latency_ms", "delay_s", "elapsed_s", "interval_s", "count", "complete", "open_orders", "fills_booked"),
        *("orders_closed", "external_orders", "error", "error_type", "path", "signal", "step", "version"),
        *("at", "price", "new_quantity", "cumulative_quantity", "executed_at", "ending", "by", "until", "remedy"),
        *("companion", "exit_id", "said", "verdict", "difference", "interval", "failures", "log_bytes", "kept_in"),
        *("expires_at", "works_until"),
    }
)

_GUARDED_NAMES = (
    r"access_token|refresh_token|device_token|id_token|token|authorization|password|passwd|secret|mfa_secret|"
    r"username|account_number"
)
_SECRET_SHAPES = (
    r"\bbearer\s+[^\s\"',;]+",
    r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?",  # a JSON web token
    r"\b[\w.+-]+@[\w-]+\.[\w.-]+",  # the broker's user names are mail addresses
)
_QUOTE = r"\\*[\"']?"  # with a backslash where JSON stands in a text of JSON
_NAMED_SECRET = re.compile(rf"((?:{_GUARDED_NAMES}){_QUOTE}\s*[:=]\s*{_QUOTE})[^\s\"',;&}}]+", re.IGNORECASE)
_CODE = r"code(?:_verifier)?="
_CODE_IN_ADDRESS = re.compile(rf"([?&]{_CODE})[^\s\"'&]+", re.IGNORECASE)
"""The code with which a login at the agent interface comes back from the browser."""
_CODE_IN_FORM = re.compile(rf"(?<![a-z_])({_CODE})([^\s\"'&]+)(&?)", re.IGNORECASE)
"""The same where another field follows. Each text is walked through once: looking ahead for that field would not."""
_ONE_TIME_CODE = re.compile(r"\b((?:mfa|otp|sms|code|passcode)\b\D{0,12})\d{6}\b", re.IGNORECASE)

_HINTS = (
    *("token", "authorization", "passw", "secret", "username", "account_number"),
    *("bearer", "eyj", "@", "mfa", "otp", "sms", "code"),
)
"""An ASCII text that holds none of these in lower case fits no pattern above, and need not be searched for them."""


class SecretMasker:
    """A structlog processor that masks by allow-list first and by pattern second.

    ``secrets`` are account numbers, user names and the like that must not appear anywhere, in whatever case.
    """

    def __init__(self, *, secrets: Iterable[str] = (), safe_keys: Iterable[str] = SAFE_KEYS) -> None:
        told = [secret for secret in secrets if secret]
        # The longest first, so that a secret inside another one does not leave the rest of it behind.
        known = sorted(map(re.escape, told), key=len, reverse=True)
        self._shapes = re.compile("|".join((*known, *_SECRET_SHAPES)), re.IGNORECASE)
        # Another letter may stand for one of ASCII where case does not count, so such secrets are always searched for.
        self._hints = (*_HINTS, *(secret.lower() for secret in told)) if all(map(str.isascii, told)) else None
        self._shown_keys = {key: self.mask_text(key) for key in safe_keys}

    def __call__(self, _logger: object, _method: str, event: Mapping[str, object]) -> Mapping[str, object]:
        """Return the event with everything unknown or secret replaced by ``***``; the order of keys is kept."""
        return self._mask_mapping(event)

    def mask_text(self, text: str) -> str:
        """Replace whatever looks like a secret."""
        if text.isascii() and self._hints is not None:
            lower = text.lower()
            for hint in self._hints:
                if hint in lower:
                    break
            else:
                return text[:]  # of a word of an enum, its text
        shaped = _CODE_IN_ADDRESS.sub(rf"\1{MASK}", self._shapes.sub(MASK, text))
        shaped = _CODE_IN_FORM.sub(_without_code, shaped)
        return _ONE_TIME_CODE.sub(rf"\1{MASK}", _NAMED_SECRET.sub(rf"\1{MASK}", shaped))

    def _mask_mapping(self, values: Mapping[str, object]) -> dict[str, object]:
        shown = self._shown_keys
        return {
            shown[key] if key in shown else self.mask_text(str(key)): self._mask_value(value) if key in shown else MASK
            for key, value in values.items()
        }

    def _mask_value(self, value: object) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, Mapping):
            return self._mask_mapping(value)
        if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
            return [self._mask_value(item) for item in value]
        try:
            text = str(value)
        except ValueError:  # an int of thousands of digits, or a fraction of such: Python refuses to write it out
            return f"a {type(value).__name__} beyond all use"
        masked = self.mask_text(text)
        return value if isinstance(value, Number) and masked == text else masked


def _without_code(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}&" if found[3] else found[0]
