"""Chance without a generator: a draw is a pure function of its names, so the order of asking is of no matter."""

import hashlib
import uuid


def draw(*names: object, low: int, high: int) -> int:
    """Return the whole number from ``low`` to ``high``, both included, that belongs to ``names``."""
    return low + int.from_bytes(_digest(names)[:8], "big") % (high - low + 1)


def stable_uuid(*names: object) -> str:
    """Return the UUID that belongs to ``names``."""
    return str(uuid.UUID(bytes=_digest(names)[:16], version=5))


def stable_token(*names: object) -> str:
    """Return 48 hexadecimal digits that belong to ``names``."""
    return _digest(names).hex()[:48]


def _digest(names: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
