"""The limits that hold: those of the settings, or the small ones while no canary has passed on a live account. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from trading_bot.config.risk_settings import LIVE_LIMITS, RiskManagementConfig
from trading_bot.risk.canary_pass import CanaryPass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsInForce:
    """The limits as entries are judged by them."""

    limits: RiskManagementConfig
    held: frozenset[str] = frozenset()
    """The settings that are greater, or off, and held at `LIVE_LIMITS`."""
    canary: CanaryPass | None = None
    """The latest pass on record."""

    @property
    def warning(self) -> str | None:
        """Say what is held, and what ends that; None where nothing is."""
        if not self.held:
            return None
        names = " and ".join(f"{name} at {LIVE_LIMITS[name]}" for name in sorted(self.held))
        return (
            f"no canary has passed on this account, so entries are held to small limits: {names} dollars; run "
            "'trading-bot canary SYMBOL' once to trade by your own limits"
        )


def limits_in_force(own: RiskManagementConfig, *, is_live: bool, canary: CanaryPass | None) -> LimitsInForce:
    """Return the limits that hold."""
    if not is_live or canary is not None:
        return LimitsInForce(limits=own, canary=canary)
    held = {name: small for name, small in LIVE_LIMITS.items() if _is_greater(getattr(own, name), small)}
    return LimitsInForce(limits=own.model_copy(update=held), held=frozenset(held))


def _is_greater(own: Decimal | None, small: Decimal) -> bool:
    return own is None or own > small
