"""Figures and foreign sentences inside our own."""

from decimal import Decimal

import pytest

from trading_bot.prose import clause, dollars_in_words, shares_in_words


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("0E-8", "0"),
        ("4.00000000", "4"),
        ("1E+2", "100"),
        ("0.50000000", "0.5"),
        ("1E-8", "0.00000001"),
        ("-3.0", "-3"),
    ],
)
def test_shares_have_no_zeros_that_say_nothing(quantity, words):
    assert shares_in_words(Decimal(quantity)) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("100000.0000", "100000.00"),
        ("1E+2", "100.00"),
        ("249.9", "249.90"),
        ("0.0001", "0.0001"),
        ("1E-7", "0.0000001"),
    ],
)
def test_dollars_have_cents_and_every_digit_that_counts(amount, words):
    assert dollars_in_words(Decimal(amount)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [("PDT designation.", "PDT designation"), ("no", "no"), ("a. b.", "a. b"), ("...", "..."), ("wait;", "wait")],
)
def test_a_foreign_sentence_goes_on_as_ours(text, words):
    assert clause(text) == words
