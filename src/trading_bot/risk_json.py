"""The public JSON form of an account's limits, as `order_json` has those of orders."""

from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text, freeze_json, moment_text

if TYPE_CHECKING:  # a form needs no more of what it shows than its attributes
    from trading_bot.config import Config
    from trading_bot.risk.canary_pass import CanaryPass
    from trading_bot.risk.limit_uses import LimitUse
    from trading_bot.risk.picture import LimitPicture
    from trading_bot.risk.standing import Reason

_SECTION = "risk_management"
_ENDS = {
    "setting": "a change of the setting, and a restart",
    "day": "the next exchange day",
    "arm": "'trading-bot arm'",
    "minute": "by itself, within a minute",
    "order_end": "the end of an open order",
    "smaller": "a smaller order, or a sale",
}


def risk_json(picture: "LimitPicture") -> JsonObject:
    """Return it."""
    config, limits = picture.config, picture.limits
    return {
        "v": FORM_VERSION,
        "mode": config.trading.mode.value,
        "account": None if config.account_suffix is None else f"...{config.account_suffix}",
        "state": picture.standing.state.value,
        "reasons": [_reason_json(reason) for reason in picture.standing.reasons],
        "limits": [_limit_json(use, picture) for use in limits.uses],
        "symbols": [freeze_json(freeze) for freeze in picture.freezes if freeze.symbol is not None],
        "at_cost": list(limits.exposure.at_cost),
        "not_counted": list(limits.exposure.unpriced),
        "canary": _canary_json(limits.in_force.canary),
        "held_because": limits.in_force.warning,
    }


def _reason_json(reason: "Reason") -> JsonObject:
    return {
        "state": reason.state.value,
        "cause": reason.cause,
        "reason": reason.reason,
        "ends": reason.ends,
        "by": reason.by,
        "since": moment_text(reason.since),
        "until": moment_text(reason.until),
    }


def _limit_json(use: "LimitUse", picture: "LimitPicture") -> JsonObject:
    in_force = picture.limits.in_force
    return {
        "name": use.name,
        "code": use.code,
        "unit": use.unit.value,
        "value": _figure(getattr(in_force.limits, use.name)),
        "configured": _figure(getattr(picture.config.risk_management, use.name)),
        "is_held": use.name in in_force.held,
        "set_in": _set_in(picture.config, use.name),
        "used": _figure(use.used),
        "used_pct": use.per_cent,
        "symbol": use.symbol,
        "ends": _ENDS[use.ends_with.value],
        "last_fired": _fired_json(use, picture),
    }


def _figure(value: object) -> object:
    if isinstance(value, Decimal):
        return amount_text(value)
    return list(value) if isinstance(value, tuple) else value


def _set_in(config: "Config", name: str) -> str:
    found = config.origins.get(f"{_SECTION}.{name}", "default")
    if found != "default":
        return found
    plain = type(config)(trading=config.trading).risk_management
    return "default" if getattr(plain, name) == getattr(config.risk_management, name) else "program"


def _fired_json(use: "LimitUse", picture: "LimitPicture") -> JsonObject | None:
    # One code stands for both halts of a day, so the breaker tells which of them it was.
    trips = picture.limits.trips
    if use.name == "max_daily_loss" and trips.daily_loss is not None:
        day, reason = trips.daily_loss
        return {"at": day.isoformat(), "symbol": None, "reason": reason}
    if use.name == "max_consecutive_losses" and trips.losing_streak is not None:
        at, reason = trips.losing_streak
        return {"at": moment_text(at), "symbol": None, "reason": reason}
    latest = None if use.code == "risk_halt" else picture.refusals.get(use.code)
    if latest is None:
        return None
    return {"at": moment_text(latest.at), "symbol": latest.symbol, "reason": latest.reason}


def _canary_json(passed: "CanaryPass | None") -> JsonObject | None:
    if passed is None:
        return None
    return {"passed_at": moment_text(passed.at), "version": passed.version, "symbols": list(passed.symbols)}
