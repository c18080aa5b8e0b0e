"""The 140 hostile inputs that were listed before any code was: where each is tried.

A file of the corpus that begins with a number (``004-newline.refused_bad_symbol.json``) is that item, and has to end as
its name says. What is no file of bytes has its own test: an environment, a kind of file, a connection, a story.
"""

import re
from collections.abc import Mapping

ITEMS = 140
NUMBERED = re.compile(r"(\d{3})-[a-z0-9-]+\.(\w+)\.[a-z0-9]+")

_CONFIG = "tests/config/test_config_file.py"
_COLLAR = "tests/order_management/submit/test_collar.py"
_ENVIRONMENT = "tests/cli/test_odd_environment.py::test_an_order_is_the_same_in_an_odd_environment"
_BOUND = f"{_COLLAR}::test_only_the_aggressive_side_is_bounded_one_per_cent_or_two_outside_the_session"

TESTED_ELSEWHERE: Mapping[int, str] = {
    48: "tests/trading_bot/test_caller_values.py::test_ten_shares_are_ten_shares_in_whatever_type",
    56: f"{_COLLAR}::test_the_age_counts_from_our_read_and_not_from_the_venues_time",
    57: f"{_COLLAR}::test_the_quote_must_be_uncrossed_narrow_near_the_last_trade_and_of_a_share_that_trades",
    58: _BOUND,
    59: _BOUND,
    62: "tests/trading_bot/test_caller_values.py::test_a_price_is_the_shortest_decimal_that_reads_back_as_it",
    63: "tests/order_management/test_calculator.py::test_a_callers_decimal_context_changes_no_price",
    64: _BOUND,
    71: f"{_CONFIG}::test_a_file_that_is_not_one_plain_object_is_refused",
    73: f"{_CONFIG}::test_a_device_or_a_folder_is_refused",
    74: f"{_CONFIG}::test_a_fifo_is_refused_without_waiting_for_a_writer",
    75: f"{_CONFIG}::test_a_file_that_everybody_may_change_is_refused",
    81: "tests/auth/test_token_store.py::test_a_session_of_another_user_or_account_is_refused",
    83: "tests/robinhood/test_live_transport.py::test_proxies_of_the_environment_are_not_used",
    84: "tests/robinhood/test_live_transport.py::test_authorities_come_from_certifi_whatever_the_environment_says",
    85: _ENVIRONMENT,
    86: _ENVIRONMENT,
    87: _ENVIRONMENT,
    88: f"{_CONFIG}::test_a_user_without_a_home_has_to_name_the_state_folder",
    89: _ENVIRONMENT,
    90: f"{_CONFIG}::test_a_login_with_stray_spaces_is_refused_and_never_shown",
    92: _ENVIRONMENT,
    93: _ENVIRONMENT,
    94: "tests/robinhood/test_session.py::test_environment_proxies_and_netrc_are_not_used",
    101: "tests/order_management/journal/test_v1_reader.py::test_a_line_without_an_end_is_not_read_to_its_end",
    111: "tests/order_management/journal/test_v1_reader.py"
    "::test_a_journal_that_becomes_shorter_while_it_is_taken_over_is_not_taken_over",
    115: "tests/order_management/journal/test_audit_log.py::test_a_folder_that_is_none_says_nothing_of_the_database",
    123: "tests/order_management/test_reconciliation.py"
    "::test_a_total_that_falls_without_its_fills_is_an_anomaly_and_noted_once",
    128: "tests/robinhood/test_session.py::test_a_body_beyond_the_cap_is_refused_even_when_it_is_small_on_the_wire",
    135: "tests/robinhood/test_connection.py::test_a_decompression_bomb_is_refused",
    136: "tests/robinhood/test_connection.py::test_a_reply_that_is_cut_or_is_no_http_is_a_failure_after_the_first_byte",
    137: "tests/robinhood/test_session.py::test_cookies_of_the_broker_are_not_kept",
}
"""Items that need more than one file of bytes, by number."""

NOT_REFUSED: Mapping[int, str] = {
    76: "2026-11-28: root or a container's user often owns a configuration; one that anybody may write is refused",
    80: "2026-11-28: a file is judged by the descriptor that it is read from, so nothing lies between check and use",
    82: "2026-11-28: a configuration includes no other file",
}
"""Items that cannot occur here, or are wanted, with the day and the reason."""
