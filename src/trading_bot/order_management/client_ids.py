"""Names of orders: what a client order id may be, and the broker's idempotency key derived from it."""

import hashlib

from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import ClientOrderId, RefId

MAX_LENGTH = 64
OUR_MARK = "7b0712ad"
"""The first eight hex digits of every ``ref_id`` of ours: what tells our orders from everybody else's."""

_NAMESPACE = b"trading_bot.order"


def validate_client_order_id(text: object) -> ClientOrderId:
    """Return the id if it is 1 to 64 printable characters without surrounding blanks.

    Raises:
        OrderValidationError: anything else.
    """
    if type(text) is not str or not is_plain_name(text):
        raise OrderValidationError(
            f"a client order id is 1 to {MAX_LENGTH} printable characters, not {shown(text)}; choose another",
            code="bad_client_order_id",
        )
    return ClientOrderId(text)


def is_plain_name(text: str) -> bool:
    """Whether a caller may name something so: 1 to 64 printable characters without surrounding blanks."""
    return 1 <= len(text) <= MAX_LENGTH and text.isprintable() and text == text.strip()


def shown(text: object) -> str:
    """Return a wrong name as a message quotes it."""
    return ascii(text)[:80] if type(text) is str else f"a {type(text).__name__}"


def derive_ref_id(account_key: str, client_order_id: ClientOrderId) -> RefId:
    """Return the one ``ref_id`` this account will ever use for this client order id: a UUID (version 4 in form)."""
    material = b"\0".join((_NAMESPACE, account_key.encode(), client_order_id.encode()))
    text = OUR_MARK + hashlib.sha256(material).hexdigest()[:24]
    # As `uuid.UUID(hex=text, version=4)` writes it: a 4 for the version, and two fixed bits for the variant.
    variant = "89ab"[int(text[16], 16) % 4]
    return RefId(f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}")


def bears_our_mark(ref_id: str | None) -> bool:
    """Whether an order at the broker was sent by this program, whoever ran it."""
    return ref_id is not None and ref_id.startswith(OUR_MARK)
