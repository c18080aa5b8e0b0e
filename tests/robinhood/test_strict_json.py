from decimal import Decimal

import pytest

from trading_bot.robinhood.strict_json import UnreadableReplyError, UnreadableValue, listed_json, strict_json


def test_numbers_stay_exact():
    assert strict_json(b'{"a": 0.1, "b": 12, "c": -1e2}') == {"a": Decimal("0.1"), "b": 12, "c": Decimal("-1E+2")}


def test_brackets_inside_strings_are_no_nesting():
    text = b'["' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"]'
    assert strict_json(text) == ["[" * 100 + '"' + "{" * 100]


def test_thirty_two_levels_are_read():
    assert strict_json(b"[" * 32 + b"]" * 32) is not None


@pytest.mark.parametrize(
    ("body", "because"),
    [
        (b'{"id": 1, "id": 2}', "key twice"),
        (b'{"a": {"b": 1, "b": 1}}', "key twice"),
        (b"[NaN]", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b"[" * 33 + b"]" * 33, "deeper"),
        (b"[" * 1_000_000, "deeper"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "deeper"),
        (b"[" + b"9" * 33 + b"]", "digits"),
        (b"[0." + b"9" * 33 + b"]", "digits"),
        (b"[1e99]", "digits"),
        (b"[1e-99]", "digits"),
        (b"[1e99999999999999999999]", "bounds"),
        (b"<html>", "not JSON"),
        (b"", "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'"' + b'\\"' * 100_000, "not JSON"),
    ],
)
def test_doubtful_text_is_refused(body, because):
    with pytest.raises(UnreadableReplyError, match=because):
        strict_json(body)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("9" * 33, "digits"),
        ("0." + "9" * 33, "digits"),
        ("1e99", "digits"),
        ("1e-99", "digits"),
        ("1e99999999999999999999", "bounds"),
    ],
)
def test_a_senseless_number_spoils_its_own_value_alone(text, because):
    read = listed_json(b'[{"a": %s, "b": 1}, 2]' % text.encode())
    assert isinstance(read, list)
    assert isinstance(read[0]["a"], UnreadableValue)
    assert because in str(read[0]["a"])
    assert (read[0]["b"], read[1]) == (1, 2)


def test_a_key_given_twice_has_no_value_in_a_list():
    read = listed_json(b'{"id": 1, "id": 2, "c": [3]}')
    assert isinstance(read, dict)
    assert isinstance(read["id"], UnreadableValue)
    assert read["c"] == [3]


def test_a_key_given_twice_with_one_value_has_that_value_in_a_list():
    assert listed_json(b'[{"id": 1, "id": 1}]') == [{"id": 1}]
    read = listed_json(b'{"id": 1, "id": true}')
    assert isinstance(read, dict)
    assert isinstance(read["id"], UnreadableValue)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"\xef\xbb\xbf [1]", [1]),
        (b'["caf\xe9", 1]', ["caf\ufffd", 1]),
        (b'["a\tb\n", 1]', ["a\tb\n", 1]),
        (b'[{"a": ' + b"[" * 200 + b"]" * 200 + b"}]", None),
    ],
    ids=["byte order mark", "no UTF-8", "control characters", "deep nesting"],
)
def test_what_is_odd_in_one_value_of_a_list_hides_no_other(body, read):
    assert listed_json(body) == read or read is None


@pytest.mark.parametrize("body", [b"<html>", b"", b'"\xff', b"[" * 257 + b"]" * 257])
def test_a_list_that_is_no_json_is_refused_too(body):
    with pytest.raises(UnreadableReplyError):
        listed_json(body)
