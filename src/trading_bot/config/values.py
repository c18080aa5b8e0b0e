"""How one setting is read: text or a JSON number in, an exact value out, anything doubtful refused."""

import re
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, SecretStr

from trading_bot.clock import Seconds
from trading_bot.config.problems import ConfigError
from trading_bot.market_hours import NYSE_ZONE

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_ACCOUNT_NUMBER = re.compile(r"[A-Za-z0-9]{5,20}")
_POSTGRES_SCHEMES = ("postgresql", "postgres")
_URL_SECRETS = ("password", "sslpassword")
_INTEGER_DIGITS = 12
_DECIMAL_PLACES = 8


def _decimal(value: object) -> Decimal:
    number = _as_decimal(value)
    if number is None or not number.is_finite():
        raise ValueError('must be a plain number such as 15 or "0.25"')
    exponent = number.as_tuple().exponent
    if number.adjusted() >= _INTEGER_DIGITS or not isinstance(exponent, int) or exponent < -_DECIMAL_PLACES:
        raise ValueError(f"must have at most {_INTEGER_DIGITS} digits and {_DECIMAL_PLACES} decimal places")
    return number


def _as_decimal(value: object) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Seconds):  # a binary fraction stands for the decimal it was written as
        return Decimal(str(value))
    return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _seconds(value: object) -> Seconds:
    return Seconds(_decimal(value))


def _whole_number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    raise ValueError("must be a whole number")


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("must be true or false")


def _clock_time(value: object) -> time:
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and _CLOCK_TIME.fullmatch(value):
        return time.fromisoformat(value)
    raise ValueError('must be a time of day such as "09:30"')


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError('must name a time zone such as "America/New_York"') from error


def exchange_zone() -> ZoneInfo:
    """Return the exchange's zone. Python has no zone data of its own, and many a small image has none either.

    Raises:
        ConfigError: neither the machine nor the ``tzdata`` package has it.
    """
    try:
        return ZoneInfo(NYSE_ZONE)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ConfigError(
            [f"time zone data is missing ({NYSE_ZONE} cannot be found); install it with: pip install tzdata."]
        ) from error


def _path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("must not hold a control character; double each backslash, or write /")
    if not isinstance(value, str) or not value:
        raise ValueError("must be the name of a file or folder")
    if value.startswith("~") or "$" in value:
        raise ValueError("must be written out: ~ and $NAME are not expanded")
    return Path(value)


def _account_number(value: object) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not _ACCOUNT_NUMBER.fullmatch(text):
        raise ValueError("must be 5 to 20 letters and digits in quotes")
    return SecretStr(text)


def _strategy_name(value: object) -> str:
    if isinstance(value, str) and value and value.isprintable() and value == value.strip():
        return value
    raise ValueError("must be a printable strategy name")


def _journal_url(value: object) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError('must be a URL such as "postgresql://db.example/trading"')
    try:
        url = urlsplit(text)
        told = {name for name, _ in parse_qsl(url.query, keep_blank_values=True)}
        has_password = url.password is not None
    except ValueError as error:
        raise ValueError('must be a URL such as "postgresql://db.example/trading"') from error
    if url.scheme not in _POSTGRES_SCHEMES:
        raise ValueError('must begin with "postgresql://"')
    if has_password or not told.isdisjoint(_URL_SECRETS):
        raise ValueError(
            "must hold no password: use a service file, a .pgpass file, a client certificate or peer authentication"
        )
    return SecretStr(text)


ExactDecimal: TypeAlias = Annotated[Decimal, BeforeValidator(_decimal)]
Duration: TypeAlias = Annotated[Seconds, BeforeValidator(_seconds)]
WholeNumber: TypeAlias = Annotated[int, BeforeValidator(_whole_number)]
Switch: TypeAlias = Annotated[bool, BeforeValidator(_switch)]
ClockTime: TypeAlias = Annotated[
    time, BeforeValidator(_clock_time), PlainSerializer(lambda value: value.strftime("%H:%M"), when_used="json")
]
Zone: TypeAlias = Annotated[ZoneInfo, PlainValidator(_zone), PlainSerializer(str, when_used="json")]
PlainPath: TypeAlias = Annotated[Path, BeforeValidator(_path)]
AccountNumber: TypeAlias = Annotated[SecretStr, BeforeValidator(_account_number)]
StrategyName: TypeAlias = Annotated[str, BeforeValidator(_strategy_name)]
JournalUrl: TypeAlias = Annotated[SecretStr, BeforeValidator(_journal_url)]
"""Shown nowhere: it may name a user, and one that is refused may hold a password."""
