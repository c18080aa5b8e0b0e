from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import pytest
from pydantic import ValidationError

from trading_bot.config import ConfigError, OnStop, OrderManagementConfig
from trading_bot.order_management.models import Pricing
from trading_bot.order_management.price_offsets import OffsetMode, PriceOffsetConfig

BOTH_OFFSETS = {"buy_offset": "0.05", "sell_offset": "0.04"}


def problems_of(values: Mapping[str, object]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refusal:
        OrderManagementConfig.from_dict(values)
    return refusal.value.problems


def test_the_defaults_are_the_documented_ones():
    assert OrderManagementConfig.default().model_dump() == {
        "offset_mode": OffsetMode.BPS,
        "buy_offset": Decimal(15),
        "sell_offset": Decimal(10),
        "pricing": Pricing.PASSIVE,
        "max_slippage_pct": Decimal("0.5"),
        "poll_interval_seconds": 15,
        "max_attempts": 3,
        "intent_ttl_s": 10,
        "submit_deadline_s": 20,
        "retry_initial_delay_s": 0.5,
        "retry_max_delay_s": 5,
        "duplicate_window_s": 10,
        "max_pending_per_side": 1,
        "cancel_deadline_s": 30,
        "request_timeout_s": 10,
        "broker_dedupes_ref_id": False,
        "order_form_version": 4,
        "unfilled_timeout_s": None,
        "unfilled_action": "cancel",
        "unfilled_max_reprices": 3,
        "on_stop": OnStop.LEAVE,
        "journal_max_bytes": 16_777_216,
        "trades_max_bytes": 16_777_216,
        "collar": {
            "regular_pct": 1,
            "extended_pct": 2,
            "low_price_pct": 3,
            "low_price_below": 3,
            "max_quote_age_s": 5,
            "max_mid_from_last_pct": 5,
        },
        "strategy_overrides": {},
    }


def test_nothing_given_means_the_defaults():
    assert OrderManagementConfig.from_dict({}) == OrderManagementConfig.default()


@pytest.mark.parametrize(
    ("given", "read"),
    [("0.1", Decimal("0.1")), (15, Decimal(15)), (Decimal("0.25"), Decimal("0.25")), (0.1, Decimal("0.1"))],
)
def test_an_offset_is_read_exactly(given, read):
    assert OrderManagementConfig.from_dict({"buy_offset": given}).buy_offset == read


@pytest.mark.parametrize("field", ["buy_offset", "sell_offset", "max_slippage_pct", "poll_interval_seconds"])
@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "",
        " 1 ",
        "1e1",
        "1_0",
        "0x1",
        "\uff11\uff12",  # full-width digits
        "NaN",
        [1],
        {},
        Decimal("NaN"),
        Decimal("sNaN"),
        float("nan"),
        float("inf"),
        Decimal("1E+1000000"),
        Decimal("1E-400"),
        "0.123456789",
    ],
)
def test_what_is_no_plain_number_is_refused(field, value):
    (problem,) = problems_of({field: value})
    assert problem.startswith(field)
    assert "plain number" in problem or "decimal places" in problem


@pytest.mark.parametrize(
    ("field", "lowest", "highest", "below", "above"),
    [
        ("buy_offset", "0", "1000", "-0.01", "1000.01"),
        ("sell_offset", "0", "1000", "-0.01", "1000.01"),
        ("max_slippage_pct", "0.01", "10", "0", "10.01"),
        ("poll_interval_seconds", "1", "3600", "0.9", "3601"),
        ("max_attempts", 1, 5, 0, 6),
        ("intent_ttl_s", "1", "20", "0", "61"),
        ("submit_deadline_s", "10", "120", "0", "121"),
        ("retry_initial_delay_s", "0.01", "5", "0", "61"),
        ("retry_max_delay_s", "0.5", "60", "0", "61"),
        ("duplicate_window_s", "0", "3600", "-1", "3601"),
        ("max_pending_per_side", 1, 100, 0, 101),
        ("cancel_deadline_s", "1", "300", "0.9", "301"),
        ("request_timeout_s", "1", "60", "0.9", "61"),
        ("order_form_version", 1, 99, 0, 100),
        ("trades_max_bytes", 65_536, 1_073_741_824, 65_535, 1_073_741_825),
    ],
)
def test_a_number_keeps_to_its_range(field, lowest, highest, below, above):
    for fine in (lowest, highest):
        assert Decimal(str(getattr(OrderManagementConfig.from_dict({field: fine}), field))) == Decimal(fine)
    for wrong in (below, above):
        (problem,) = problems_of({field: wrong})
        assert problem.startswith(f"{field} is ")
        assert "must be" in problem


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"buy_offset": -1}, "must be at least 0;"),
        ({"buy_offset": 1001}, "must be at most 1000;"),
        ({"max_slippage_pct": 0}, "must be more than 0;"),
        ({"buy_offset": 123456789012}, "must be at most 1000;"),
        ({"buy_offset": 1234567890123}, "must have at most 12 digits and 8 decimal places;"),
    ],
)
def test_a_number_out_of_range_names_the_bound(values, words):
    assert words in problems_of(values)[0]


def test_eight_decimal_places_are_kept():
    assert OrderManagementConfig.from_dict({"buy_offset": "0.12345678"}).buy_offset == Decimal("0.12345678")


@pytest.mark.parametrize("field", ["max_attempts", "max_pending_per_side", "order_form_version"])
@pytest.mark.parametrize("value", [True, "1.0", Decimal(1), 1.0, "one", None])
def test_a_count_is_a_whole_number(field, value):
    (problem,) = problems_of({field: value})
    assert "must be a whole number" in problem


@pytest.mark.parametrize("value", [1, 0, "yes", "True", None])
def test_a_switch_is_true_or_false(value):
    assert "must be true or false" in problems_of({"broker_dedupes_ref_id": value})[0]


@pytest.mark.parametrize("value", [True, "true"])
def test_a_switch_can_be_written_as_a_word(value):
    assert OrderManagementConfig.from_dict({"broker_dedupes_ref_id": value}).broker_dedupes_ref_id is True


@pytest.mark.parametrize(("field", "word"), [("offset_mode", "pct"), ("pricing", "PASSIVE"), ("on_stop", "leave ")])
def test_a_word_that_is_not_in_the_list_is_refused_with_the_list(field, word):
    (problem,) = problems_of({field: word})
    assert f"{word!r} but must be '" in problem


def test_a_misspelt_name_is_refused_with_the_right_one():
    assert problems_of({"buy_ofset": 1}) == ("buy_ofset is not a setting; did you mean buy_offset?",)


def test_every_problem_is_told_at_once():
    assert len(problems_of({"buy_offset": "-1", "max_attempts": 0, "nonsense": 1})) == 3


@pytest.mark.parametrize("given", [{}, {"buy_offset": "1"}, {"sell_offset": "1"}])
def test_another_global_unit_needs_both_offsets(given):
    """15 basis points read as 15 dollars would be a very different order."""
    assert "both buy_offset and sell_offset" in problems_of({"offset_mode": "absolute", **given})[0]


def test_another_global_unit_with_both_offsets_is_fine():
    config = OrderManagementConfig.from_dict({"offset_mode": "absolute", **BOTH_OFFSETS})
    assert config.pricing_rules(None).buy_offset == Decimal("0.05")


@pytest.mark.parametrize("given", [{}, {"buy_offset": "1"}, {"sell_offset": "1"}])
def test_an_override_with_another_unit_needs_both_offsets(given):
    (problem,) = problems_of({"strategy_overrides": {"rsi": {"offset_mode": "absolute", **given}}})
    assert "strategy_overrides.rsi" in problem
    assert "both buy_offset and sell_offset" in problem


def test_an_override_back_to_basis_points_needs_both_offsets_too():
    values = {"offset_mode": "absolute", **BOTH_OFFSETS, "strategy_overrides": {"rsi": {"offset_mode": "bps"}}}
    assert "strategy_overrides.rsi" in problems_of(values)[0]


def test_an_override_that_repeats_the_unit_may_keep_the_offsets():
    config = OrderManagementConfig.from_dict({"strategy_overrides": {"rsi": {"offset_mode": "bps"}}})
    assert config.pricing_rules("rsi") == config.pricing_rules(None)


@pytest.mark.parametrize("name", ["", " rsi", "r\nsi"])
def test_a_strategy_has_a_printable_name(name):
    (problem,) = problems_of({"strategy_overrides": {name: {}}})
    assert "printable strategy name" in problem
    assert problem.isprintable()


def test_a_misspelt_name_in_an_override_is_refused_with_the_right_one():
    (problem,) = problems_of({"strategy_overrides": {"rsi": {"max_slipage_pct": 1}}})
    assert problem == "strategy_overrides.rsi.max_slipage_pct is not a setting; did you mean max_slippage_pct?"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"intent_ttl_s": 21}, "intent_ttl_s no longer than submit_deadline_s"),
        ({"retry_initial_delay_s": 6}, "retry_initial_delay_s no longer than retry_max_delay_s"),
    ],
)
def test_waits_fit_into_each_other(values, words):
    assert words in problems_of(values)[0]


def test_pricing_without_an_override_is_the_global_one():
    assert OrderManagementConfig.default().pricing_rules("unheard of") == PriceOffsetConfig(
        offset_mode=OffsetMode.BPS,
        buy_offset=Decimal(15),
        sell_offset=Decimal(10),
        pricing=Pricing.PASSIVE,
        max_slippage_pct=Decimal("0.5"),
    )


def test_a_strategy_changes_what_it_names_and_keeps_the_rest():
    config = OrderManagementConfig.from_dict(
        {"strategy_overrides": {"rsi": {"buy_offset": 0}, "exit": {"pricing": "marketable", "max_slippage_pct": 2}}}
    )
    assert config.pricing_rules("rsi") == PriceOffsetConfig(
        offset_mode=OffsetMode.BPS,
        buy_offset=Decimal(0),
        sell_offset=Decimal(10),
        pricing=Pricing.PASSIVE,
        max_slippage_pct=Decimal("0.5"),
    )
    assert config.pricing_rules("exit") == PriceOffsetConfig(
        offset_mode=OffsetMode.BPS,
        buy_offset=Decimal(15),
        sell_offset=Decimal(10),
        pricing=Pricing.MARKETABLE,
        max_slippage_pct=Decimal(2),
    )


def test_a_strategy_with_its_own_unit_uses_its_own_offsets():
    override = {"offset_mode": "absolute", **BOTH_OFFSETS}
    rules = OrderManagementConfig.from_dict({"strategy_overrides": {"rsi": override}}).pricing_rules("rsi")
    assert (rules.offset_mode, rules.buy_offset, rules.sell_offset) == (
        OffsetMode.ABSOLUTE,
        Decimal("0.05"),
        Decimal("0.04"),
    )


@pytest.mark.parametrize(
    ("strategy", "request_pricing", "resolved"),
    [
        (None, None, Pricing.PASSIVE),
        ("exit", None, Pricing.MARKETABLE),
        ("exit", Pricing.PASSIVE, Pricing.PASSIVE),
        (None, Pricing.MARKETABLE, Pricing.MARKETABLE),
    ],
)
def test_the_requests_pricing_beats_the_strategys_which_beats_the_global_one(strategy, request_pricing, resolved):
    config = OrderManagementConfig.from_dict({"strategy_overrides": {"exit": {"pricing": "marketable"}}})
    assert config.pricing_rules(strategy, request_pricing).pricing is resolved


def test_a_configuration_once_read_is_fixed():
    config = OrderManagementConfig.from_dict({"strategy_overrides": {"rsi": {"buy_offset": 1}}})
    for name in OrderManagementConfig.model_fields:
        with pytest.raises(ValidationError):
            setattr(config, name, None)
    with pytest.raises(TypeError):
        cast("dict[str, object]", config.strategy_overrides)["rsi"] = None
