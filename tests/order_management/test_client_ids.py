import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.order_management.client_ids import (
    MAX_LENGTH,
    OUR_MARK,
    bears_our_mark,
    derive_ref_id,
    validate_client_order_id,
)
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import ClientOrderId


class TextInDisguise(str):
    __slots__ = ()


@pytest.mark.parametrize("text", ["a", "a" * MAX_LENGTH, "momentum-2026-11-23/1", "two words", "\u00e9t\u00e9"])
def test_one_to_sixty_four_printable_characters_are_a_name(text):
    assert validate_client_order_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 65,
        " a",
        "a ",
        " ",
        "a\n",
        "a\tb",
        "a\0",
        "\x1b[2J",
        "\u202e",
        "\u200d",
        "\ud800",
        None,
        7,
        b"a",
        ["a"],
    ],
    ids=ascii,
)
def test_anything_else_is_refused_with_a_message_that_is_safe_to_print(text):
    with pytest.raises(OrderValidationError, match=r"1 to 64 printable characters.*choose another") as caught:
        validate_client_order_id(text)
    assert caught.value.code == "bad_client_order_id"
    assert str(caught.value).isprintable()
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [TextInDisguise("a"), 10**5000], ids=["a subclass of text", "an endless int"])
def test_what_cannot_be_written_out_is_named_by_its_type(value):
    with pytest.raises(OrderValidationError, match=f"not a {type(value).__name__};"):
        validate_client_order_id(value)


def test_the_brokers_key_is_always_the_same_for_an_account_and_a_name():
    """A restart, another machine or another release must find the order under this very key."""
    assert derive_ref_id("account", ClientOrderId("order-1")) == "7b0712ad-baa4-497a-823d-5aa1c8348b28"


@pytest.mark.parametrize(
    ("account", "name"), [("account", "order-2"), ("other", "order-1"), ("accoun", "torder-1"), ("accountorder-1", "")]
)
def test_another_account_or_another_name_has_another_key(account, name):
    assert derive_ref_id(account, ClientOrderId(name)) != derive_ref_id("account", ClientOrderId("order-1"))


@given(account=st.text(max_size=20), name=st.text(min_size=1, max_size=MAX_LENGTH).filter(str.isprintable))
def test_the_key_is_a_uuid_of_version_four_with_our_mark(account, name):
    account = account.encode(errors="ignore").decode()
    key = derive_ref_id(account, ClientOrderId(name))
    assert str(uuid.UUID(key)) == key
    assert uuid.UUID(key).version == 4
    assert uuid.UUID(key).variant == uuid.RFC_4122
    assert bears_our_mark(key)


@pytest.mark.parametrize("key", [None, "", OUR_MARK[:7], "00000000-0000-4000-8000-000000000000", f"x{OUR_MARK}"])
def test_everybody_elses_orders_do_not_bear_our_mark(key):
    assert not bears_our_mark(key)


def test_a_ref_id_is_written_as_a_uuid_of_version_4():
    for number in range(64):
        ref_id = derive_ref_id("account", ClientOrderId(f"order-{number}"))
        assert ref_id == str(uuid.UUID(hex=ref_id, version=4))
