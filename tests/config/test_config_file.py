import itertools
import json
import os
import re
from datetime import UTC, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from trading_bot.config import Config, ConfigError, Credentials, HoursConfig, RiskManagementConfig, TradingConfig
from trading_bot.config.credentials import KnownCredentials
from trading_bot.market_hours import Calendar
from trading_bot.order_management.models import ExecutionMode

EXAMPLE = Path(__file__).parents[2] / "config.example.json"
ACCOUNT = "5QW98765"
LOGIN = {"ROBINHOOD_USERNAME": "ann@example.com", "ROBINHOOD_PASSWORD": "hunter2", "ROBINHOOD_MFA_SECRET": "JBSWY3DP"}


def write(folder: Path, text: str | bytes, name: str = "config.json") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(folder: Path, text: str | bytes = "{}", **environ: str) -> Config:
    return Config.from_env_and_json(write(folder, text), environ=environ)


def problems_of(folder: Path, text: str | bytes = "{}", **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refusal:
        read(folder, text, **environ)
    assert all(problem.isprintable() and problem[-1] in ".?" for problem in refusal.value.problems)
    assert str(refusal.value) == " ".join(refusal.value.problems)
    return refusal.value.problems


def section_names(model: type[BaseModel]) -> list[str]:
    names = []
    for name, info in model.model_fields.items():
        names.append(name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            names += section_names(info.annotation)
    return names


# The example


def test_the_example_loads_unchanged_and_equals_the_defaults():
    example = Config.from_env_and_json(EXAMPLE, environ={})
    assert example == Config().resolved_from(EXAMPLE.parent)
    assert example.model_dump() == Config().resolved_from(EXAMPLE.parent).model_dump()


def test_the_example_names_every_setting():
    origins = Config.from_env_and_json(EXAMPLE, environ={}).origins
    assert [key for key, origin in origins.items() if origin != "file"] == ["order_management.journal_max_bytes"]


def test_a_setting_that_has_no_effect_any_more_is_read_and_named(tmp_path):
    old = read(tmp_path, '{"order_management": {"journal_max_bytes": 65536}}')
    assert old.without_effect == ("order_management.journal_max_bytes",)
    assert old.order_management.journal_max_bytes == 65536
    assert read(tmp_path, "{}").without_effect == ()


def test_a_comment_stands_above_every_field_of_the_example():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    commented = {
        match.group(1)
        for above, line in itertools.pairwise(lines)
        if (match := re.match(r'\s*"(\w+)":', line)) and above.strip().startswith("//")
    }
    assert commented == set(section_names(Config)) - {"journal_max_bytes"}


# The file


def test_comments_and_trailing_commas_are_welcome(tmp_path):
    assert read(tmp_path, '// a\n{"paper": {"seed": 9, /* b */},}').paper.seed == 9


def test_a_byte_order_mark_is_dropped(tmp_path):
    assert read(tmp_path, b'\xef\xbb\xbf{"paper": {"seed": 9}}').paper.seed == 9


def test_numbers_in_the_file_are_exact(tmp_path):
    config = read(tmp_path, '{"order_management": {"max_slippage_pct": 0.1}, "paper": {"starting_cash": 1234.10}}')
    assert str(config.order_management.max_slippage_pct) == "0.1"
    assert str(config.paper.starting_cash) == "1234.10"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("[]", "one object in braces"),
        ('"paper"', "one object in braces"),
        ('{"paper": {"seed": 1, "seed": 2}}', 'Duplicate key "seed"'),
        ('{"paper": {"starting_cash": NaN}}', "'NaN' is not a number"),
        ('{"paper": {"starting_cash": -Infinity}}', "'-Infinity' is not a number"),
        ('{"paper": {"starting_cash": ' + "9" * 5000 + "}}", "more than 32 digits"),
        ('{"paper": {"starting_cash": 0.' + "9" * 5000 + "}}", "more than 32 digits"),
        ('{"paper": ', "not valid JSON with comments: line 1: Unexpected end of input"),
        ('{"paper": ' + "[" * 100_000, "more than 32 levels"),
        ('{"a": ' * 33 + "1" + "}" * 33, "more than 32 levels"),
        ('{"paper": {}}'.encode("utf-16"), "not UTF-8"),
        (b"\x00" * (1024 * 1024 + 1), "larger than"),
        ('{"paper": 5}', "paper is 5 but must be a section in braces"),
        ('{"order_management": {"strategy_overrides": 5}}', "must be a section in braces"),
    ],
)
def test_a_file_that_is_not_one_plain_object_is_refused(tmp_path, text, words):
    assert words in problems_of(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b" " * 1024 * 1024, "is empty"),
        ('{"zzz": ' + "[" * 31 + "]" * 31 + "}", "zzz is not a setting"),
        ('{"paper": {"starting_cash": ' + "9" * 32 + "}}", "at most 12 digits"),
    ],
)
def test_a_file_at_the_very_limit_is_read(tmp_path, text, words):
    assert words in problems_of(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("text", "escape"),
    [
        (
            r"""{"trading": {"mode": "paper"},
  "logs_dir": "D:\data\wacs\Journal"}""",
            r"\d",
        ),
        (
            r"""{"paper": {},
  'logs_dir': 'D:\data'}""",
            r"\d",
        ),
        ('{\n"logs_dir": "a\\\nb"}', r"\\n"),
        ('{\n"logs_dir": "\\u12"}', r"\u12"),
        ('{\n"logs_dir": "\\x41"}', r"\x"),
        ('{\n"logs_dir": "\\0"}', r"\0"),
        ('{\n"lo\\gs_dir": "a"}', r"\g"),
    ],
)
def test_an_escape_that_json_does_not_have_is_refused_with_its_line_and_remedy(tmp_path, text, escape):
    """RFC 8259, section 7, has nine; JSON5 would take the letter and name another folder."""
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f"{tmp_path / 'config.json'}, line 2: ")
    assert escape.removeprefix("\\") in problem
    assert r"double each backslash that is meant (D:\\data), or write / instead." in problem


@pytest.mark.parametrize(
    ("written", "read_as"),
    [(r"D:\\data", r"D:\data"), ("D:/data", "D:/data"), (r"caf\u00e9", "caf\u00e9"), (r"a\/b \"c\"", 'a/b "c"')],
)
def test_the_escapes_of_json_are_read(tmp_path, written, read_as):
    assert read(tmp_path, f'{{"logs_dir": "{written}"}}').logs_dir == tmp_path / read_as


def test_a_backslash_in_a_comment_is_no_escape(tmp_path):
    text = r"""// D:\data isn't read
/* nor is "D:\data */ {"paper": {"seed": 9}} // "\q"""
    assert read(tmp_path, text).paper.seed == 9


def test_an_escape_that_makes_a_control_character_names_no_folder(tmp_path):
    (problem,) = problems_of(tmp_path, r'{"logs_dir": "D:\new"}')
    assert "double each backslash, or write /" in problem


def test_brackets_in_texts_and_comments_are_no_nesting(tmp_path):
    brackets = "[" * 40
    assert (
        read(tmp_path, f'// {brackets}\n/* {brackets} */ {{"logs_dir": "{brackets}\\""}}').logs_dir.name[:40]
        == brackets
    )


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.json cannot be read"):
        Config.from_env_and_json(tmp_path / "nowhere.json", environ={})


def test_without_a_name_the_file_of_the_current_folder_is_read(tmp_path):
    write(tmp_path, '{"paper": {"seed": 9}}')
    config = Config.from_env_and_json(None, environ={}, cwd=tmp_path)
    assert (config.paper.seed, config.file) == (9, tmp_path / "config.json")


def test_without_a_name_or_a_file_the_defaults_hold(tmp_path):
    config = Config.from_env_and_json(environ={}, cwd=tmp_path)
    assert config == Config().resolved_from(tmp_path)
    assert config.file is None


def test_a_file_may_be_named_by_a_text(tmp_path):
    (tmp_path / "mine.json").write_text('{"paper": {"seed": 9}}', encoding="utf-8")
    config = Config.from_env_and_json("mine.json", environ={}, cwd=tmp_path)
    assert (config.paper.seed, config.file) == (9, tmp_path / "mine.json")


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ConfigError, match="not a plain file"):
        Config.from_env_and_json(tmp_path / "config.json", environ={})


@pytest.mark.parametrize("target", ["/dev/zero", "."])
def test_a_device_or_a_folder_is_refused(tmp_path, target):
    (tmp_path / "config.json").symlink_to(target)
    with pytest.raises(ConfigError, match=r"not a plain file|cannot be read"):
        Config.from_env_and_json(tmp_path / "config.json", environ={})


def test_a_file_that_everybody_may_change_is_refused(tmp_path):
    path = write(tmp_path, "{}")
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod o-w"):
        Config.from_env_and_json(path, environ={})


# Names and values


@pytest.mark.parametrize("mode", ["LIVE ", "Live", "\uff4c\uff49\uff56\uff45", "live\\u0000", "paper\\n", ""])
def test_a_mode_that_is_not_exactly_one_of_the_two_is_refused(tmp_path, mode):
    (problem,) = problems_of(tmp_path, f'{{"trading": {{"mode": "{mode}"}}}}')
    assert problem.startswith("trading.mode is ")
    assert problem.endswith(f"must be 'paper' or 'live'; correct it in {tmp_path / 'config.json'}.")


def test_an_unknown_key_is_refused_with_the_right_one(tmp_path):
    (problem,) = problems_of(tmp_path, '{"risk_management": {"max_order_notinal": 1}}')
    assert problem == "risk_management.max_order_notinal is not a setting; did you mean max_order_notional?"


def test_an_unknown_key_that_resembles_nothing_is_to_be_removed(tmp_path):
    assert problems_of(tmp_path, '{"zzz": 1}') == ("zzz is not a setting; remove it.",)


@pytest.mark.parametrize("key", ["password", "ROBINHOOD_USERNAME", "mfa_secret", "access_token"])
def test_a_login_in_the_file_is_refused_and_never_shown(tmp_path, key):
    (problem,) = problems_of(tmp_path, json.dumps({key: "hunter2"}))
    assert "in the environment" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("value", ["0", "-1", "1000000001", "1e9"])
@pytest.mark.parametrize("field", ["max_order_notional", "max_position_notional", "max_daily_loss"])
def test_a_limit_is_a_sensible_number_of_dollars(tmp_path, field, value):
    (problem,) = problems_of(tmp_path, json.dumps({"risk_management": {field: value}}))
    assert problem.startswith(f"risk_management.{field} is '{value}' but must be")


@pytest.mark.parametrize("value", [0, -1, 1.5, "five", True, 100_001])
@pytest.mark.parametrize("field", ["max_consecutive_losses", "max_trades_per_day", "max_open_orders"])
def test_a_limit_on_a_count_is_a_whole_number_above_zero(tmp_path, field, value):
    (problem,) = problems_of(tmp_path, json.dumps({"risk_management": {field: value}}))
    assert problem.startswith(f"risk_management.{field} is ")


@pytest.mark.parametrize(
    "field",
    [
        *("max_order_notional", "max_position_notional", "max_daily_loss", "max_consecutive_losses"),
        *("max_trades_per_day", "max_open_orders"),
    ],
)
def test_a_limit_of_null_is_no_limit(tmp_path, field):
    assert getattr(read(tmp_path, json.dumps({"risk_management": {field: None}})).risk_management, field) is None


LIVE = {"trading": {"mode": "live"}, "account_number": "5QR10001"}


def limits_of(config: Config) -> tuple[Decimal | None, Decimal | None]:
    return config.risk_management.max_order_notional, config.risk_management.max_position_notional


def test_live_without_limits_of_ones_own_an_order_is_500_dollars_and_a_position_2000(tmp_path):
    config = read(tmp_path, json.dumps(LIVE))
    assert limits_of(config) == (Decimal(500), Decimal(2000))
    assert config.origins["risk_management.max_order_notional"] == "default"
    assert limits_of(read(tmp_path, "{}")) == (Decimal(25_000), Decimal(50_000))


@pytest.mark.parametrize(("value", "limit"), [("30000", Decimal(30_000)), (None, None)])
def test_a_limit_of_ones_own_holds_live_too(tmp_path, value, limit):
    config = read(tmp_path, json.dumps(LIVE | {"risk_management": {"max_order_notional": value}}))
    assert limits_of(config) == (limit, Decimal(2000))


def test_a_limit_from_the_environment_is_ones_own(tmp_path):
    variables = {"TRADING_BOT_RISK_MANAGEMENT__MAX_POSITION_NOTIONAL": "9000"}
    (tmp_path / "config.json").write_text(json.dumps(LIVE), encoding="utf-8")
    config = Config.from_env_and_json(tmp_path / "config.json", environ=variables)
    assert limits_of(config) == (Decimal(500), Decimal(9000))


def test_a_live_configuration_made_of_sections_has_the_small_limits_too():
    live = TradingConfig(mode=ExecutionMode.LIVE)
    assert limits_of(Config(trading=live)) == (Decimal(500), Decimal(2000))
    own = RiskManagementConfig(max_order_notional=Decimal(7))
    assert limits_of(Config(trading=live, risk_management=own)) == (Decimal(7), Decimal(2000))
    assert limits_of(Config(risk_management=own)) == (Decimal(7), Decimal(50_000))


@pytest.mark.parametrize("values", [{"trading": 7}, {**LIVE, "risk_management": 7}, 7])
def test_a_section_that_is_none_is_a_problem_and_no_crash(values):
    with pytest.raises(ValidationError):
        Config.model_validate(values)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("regular_pct", 0), ("regular_pct", 10.01), ("extended_pct", 0), ("low_price_pct", 11)),
        *(("low_price_below", -1), ("low_price_below", 1001), ("max_quote_age_s", 0), ("max_quote_age_s", 61)),
        *(("max_mid_from_last_pct", 0), ("max_mid_from_last_pct", 51)),
    ],
)
def test_the_collar_has_bounds(tmp_path, field, value):
    text = json.dumps({"order_management": {"collar": {field: value}}})
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f"order_management.collar.{field} is ")


@pytest.mark.parametrize("value", ["9:30", "24:00", "09:30:00", "0930", "09:60", 930, None])
def test_a_time_of_day_has_hours_and_minutes(tmp_path, value):
    (problem,) = problems_of(tmp_path, json.dumps({"trading": {"hours": {"start_time": value}}}))
    assert 'must be a time of day such as "09:30"' in problem


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "../../etc/passwd", "", 5, None, "EST\x00"])
def test_a_time_zone_must_exist(tmp_path, zone):
    (problem,) = problems_of(tmp_path, json.dumps({"trading": {"hours": {"timezone": zone}}}))
    assert "must name a time zone" in problem


@pytest.mark.parametrize("end", ["09:30", "09:00"])
def test_a_session_ends_after_it_starts(tmp_path, end):
    (problem,) = problems_of(tmp_path, json.dumps({"trading": {"hours": {"end_time": end}}}))
    assert "end_time after its start_time" in problem


def test_hours_that_miss_the_exchanges_session_are_refused(tmp_path):
    hours = {"start_time": "17:00", "end_time": "18:00"}
    (problem,) = problems_of(tmp_path, json.dumps({"trading": {"calendar": "NYSE", "hours": hours}}))
    assert problem.startswith("trading must have hours that meet")


def test_hours_become_times_of_a_zone(tmp_path):
    hours = read(tmp_path, '{"trading": {"hours": {"start_time": "10:15"}}}').trading.hours
    assert (hours.start_time, hours.timezone) == (time(10, 15), ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("mode", "calendar", "effective"),
    [
        ("paper", None, Calendar.ALWAYS_OPEN),
        ("live", None, Calendar.NYSE),
        ("paper", "NYSE", Calendar.NYSE),
        ("live", "always_open", Calendar.ALWAYS_OPEN),
    ],
)
def test_no_calendar_means_always_open_on_paper_and_the_exchange_live(mode, calendar, effective):
    assert TradingConfig(mode=mode, calendar=calendar).effective_calendar is effective


@pytest.mark.parametrize("value", ["", "~/logs", "$HOME/logs", "a\x00b", 5, None])
def test_a_folder_is_written_out(tmp_path, value):
    (problem,) = problems_of(tmp_path, json.dumps({"logs_dir": value}))
    assert problem.startswith("logs_dir is ")


@pytest.mark.parametrize("value", ["1234", "5QW-12345", "x" * 21, 123456789, " 5QW98765"])
def test_a_wrong_account_number_is_refused_and_never_shown(tmp_path, value):
    (problem,) = problems_of(tmp_path, json.dumps({"account_number": value}))
    assert problem.startswith("account_number must be 5 to 20 letters and digits in quotes")
    assert str(value) not in problem.replace(str(tmp_path), "")


def test_the_account_number_is_never_shown_whole(tmp_path):
    config = read(tmp_path, json.dumps({"account_number": ACCOUNT}))
    assert config.account_number is not None
    assert config.account_number.get_secret_value() == ACCOUNT
    assert config.account_suffix == "8765"
    assert ACCOUNT not in f"{config!r} {config} {config.model_dump()} {config.model_dump_json()} {config.origins}"


def test_no_account_number_has_no_suffix():
    assert Config().account_suffix is None


def test_settings_survive_being_written_and_read_again(tmp_path):
    override = {"strategy_overrides": {"rsi": {"buy_offset": "1.5"}}}
    config = read(tmp_path, json.dumps({"order_management": override}))
    assert read(tmp_path, config.model_dump_json()) == config


@pytest.mark.parametrize(("length", "shown"), [(38, "x" * 38 + "'"), (39, "x" * 39 + "...")])
def test_a_long_value_is_shown_in_part(tmp_path, length, shown):
    (problem,) = problems_of(tmp_path, json.dumps({"paper": {"seed": "x" * length}}))
    assert problem.startswith(f"paper.seed is '{shown} but must")


def test_values_already_of_the_right_type_are_taken_as_they_are():
    zone = ZoneInfo("Europe/Berlin")
    hours = HoursConfig(start_time=time(10), timezone=zone)
    assert (hours.start_time, hours.timezone) == (time(10), zone)
    assert Config(logs_dir=Path("a")).logs_dir == Path("a")


def test_a_time_of_day_carries_no_zone_of_its_own():
    with pytest.raises(ValidationError, match="must be a time of day"):
        HoursConfig(start_time=time(10, tzinfo=UTC))


# The environment


def test_the_environment_beats_dotenv_which_beats_the_file(tmp_path):
    write(tmp_path, "TRADING_BOT_PAPER__SEED=2\nTRADING_BOT_PAPER__STARTING_CASH=200\n", ".env")
    config = read(
        tmp_path,
        '{"paper": {"seed": 1, "starting_cash": 100}, "logs_dir": "elsewhere"}',
        TRADING_BOT_PAPER__SEED="3",
    )
    assert (config.paper.seed, config.paper.starting_cash) == (3, Decimal(200))
    assert config.logs_dir == tmp_path / "elsewhere"


def test_every_setting_says_where_it_came_from(tmp_path):
    write(tmp_path, "TRADING_BOT_PAPER__STARTING_CASH=200\n", ".env")
    override = '{"order_management": {"strategy_overrides": {"rsi": {"buy_offset": 1}}}, "logs_dir": "x"}'
    origins = read(tmp_path, override, TRADING_BOT_PAPER__SEED="3").origins
    assert origins["logs_dir"] == "file"
    assert origins["paper.starting_cash"] == ".env"
    assert origins["paper.seed"] == "env"
    assert origins["trading.hours.end_time"] == "default"
    assert origins["order_management.strategy_overrides.rsi.buy_offset"] == "file"
    assert origins["order_management.strategy_overrides.rsi.sell_offset"] == "default"


def test_where_a_setting_came_from_is_no_part_of_it(tmp_path):
    assert read(tmp_path, TRADING_BOT_PAPER__SEED="3") == read(tmp_path, '{"paper": {"seed": 3}}')


def test_the_environment_can_say_null(tmp_path):
    config = read(tmp_path, TRADING_BOT_RISK_MANAGEMENT__MAX_ORDER_NOTIONAL="null")
    assert config.risk_management.max_order_notional is None


def test_the_environment_writes_switches_and_counts_as_words(tmp_path):
    config = read(tmp_path, TRADING_BOT_TRADING__QUEUE_FOR_OPEN="true", TRADING_BOT_ORDER_MANAGEMENT__MAX_ATTEMPTS="2")
    assert (config.trading.queue_for_open, config.order_management.max_attempts) == (True, 2)


def test_a_unit_from_the_environment_needs_both_offsets_as_well(tmp_path):
    (problem,) = problems_of(tmp_path, TRADING_BOT_ORDER_MANAGEMENT__OFFSET_MODE="absolute")
    assert "both buy_offset and sell_offset" in problem


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TRADING_BOT_PAPER__SED", "did you mean TRADING_BOT_PAPER__SEED?"),
        ("trading_bot_paper__seed", "did you mean TRADING_BOT_PAPER__SEED?"),
        ("TRADING_BOT_PAPER_SEED", "did you mean TRADING_BOT_PAPER__SEED?"),
        ("TRADING_BOT_", "; unset it."),
        ("TRADING_BOT_ZZZ", "; unset it."),
    ],
)
def test_an_unknown_variable_with_our_prefix_is_an_error(tmp_path, name, words):
    (problem,) = problems_of(tmp_path, **{name: "1"})
    assert problem.startswith(f"{name} in the environment is not a setting; ")
    assert words in problem


@pytest.mark.parametrize("name", ["TRADING_BOT_NOTIFY_URL", "TRADING_BOT_ACCOUNT_NUMBER"])
def test_a_line_of_the_env_file_without_its_sign_shows_no_secret(tmp_path, name):
    (tmp_path / ".env").write_text(f"{name}//secret-topic\n")
    problems = " ".join(problems_of(tmp_path))
    assert f"{name}... " in problems
    assert "secret-topic" not in problems


@pytest.mark.parametrize("name", ["TRADING_BOT_" + "Z" * 5000, "TRADING_BOT_TRADING__MODE__" + "Z" * 5000])
def test_a_name_without_an_end_is_shown_short(tmp_path, name):
    (problem,) = problems_of(tmp_path, **{name: "1"})
    assert "ZZZ... " in problem
    assert len(problem) < 500


@pytest.mark.parametrize(
    "text", ['{"a" \x1b[2J: 1}', '{"' + "a" * 5000 + '": 1}', '{"risk_management": {"' + "a" * 5000 + '": 1}}']
)
def test_what_is_wrong_with_a_file_is_said_short_and_printably(tmp_path, text):
    (problem,) = problems_of(tmp_path, text)
    assert len(problem) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("place", ["the environment", ".env"])
@pytest.mark.parametrize(
    "name",
    [
        "TRADING_BOT_TRADING__MODE",
        "trading_bot_trading__mode",
        "TRADING_BOT_ACCOUNT_NUMBER",
        "TRADING_BOT_ORDER_MANAGEMENT__STRATEGY_OVERRIDES",
        "TRADING_BOT_ORDER_MANAGEMENT__STRATEGY_OVERRIDES__RSI__BUY_OFFSET",
    ],
)
def test_what_only_the_file_may_say_is_refused_elsewhere(tmp_path, place, name):
    environ = {name: ACCOUNT} if place == "the environment" else {}
    if not environ:
        write(tmp_path, f"{name}={ACCOUNT}\n", ".env")
    (problem,) = problems_of(tmp_path, **environ)
    assert f"{name} is set in " in problem
    assert place in problem
    assert "only the configuration file" in problem
    assert ACCOUNT not in problem


def test_a_wrong_value_names_the_variable_to_correct(tmp_path):
    write(tmp_path, "TRADING_BOT_PAPER__STARTING_CASH=lots\n", ".env")
    cash, seed = problems_of(tmp_path, TRADING_BOT_PAPER__SEED="x")
    assert cash.startswith("paper.starting_cash is 'lots' but must be a plain number")
    assert cash.endswith("; correct TRADING_BOT_PAPER__STARTING_CASH in .env.")
    assert seed == "paper.seed is 'x' but must be a whole number; correct TRADING_BOT_PAPER__SEED in the environment."


def test_a_variable_below_a_misread_section_leaves_the_misreading_to_be_told(tmp_path):
    (problem,) = problems_of(tmp_path, '{"paper": 5}', TRADING_BOT_PAPER__SEED="3")
    assert problem.startswith("paper is 5 but must be a section in braces")


def test_unrelated_variables_are_left_alone(tmp_path):
    write(tmp_path, "DATABASE_URL=postgres://x\nexport OTHER='1'\n# comment\n\nBARE\n", ".env")
    assert read(tmp_path, PATH="/bin", MY_TRADING_BOT_X="1") == Config().resolved_from(tmp_path)


def test_nothing_in_dotenv_is_expanded(tmp_path):
    write(tmp_path, "NAME=9\nTRADING_BOT_LOGS_DIR=${NAME}\n", ".env")
    assert "~ and $NAME are not expanded" in problems_of(tmp_path)[0]


def test_a_line_of_dotenv_that_makes_no_sense_is_an_error(tmp_path):
    write(tmp_path, "A=1\nTRADING_BOT_PAPER__SEED='3\n", ".env")
    (problem,) = problems_of(tmp_path)
    assert ".env line 2 is no NAME=value" in problem


def test_a_dotenv_that_is_no_plain_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / ".env")
    assert "not a plain file" in problems_of(tmp_path)[0]


def test_a_dotenv_beside_no_file_is_that_of_the_current_folder(tmp_path):
    write(tmp_path, "TRADING_BOT_PAPER__SEED=2\n", ".env")
    assert Config.from_env_and_json(None, environ={}, cwd=tmp_path).paper.seed == 2


# Folders


def test_relative_folders_are_meant_from_the_files_own_folder(tmp_path):
    folder = tmp_path / "bot"
    folder.mkdir()
    write(folder, '{"logs_dir": "l", "state_dir": "../s", "paper": {"quotes_file": "q.jsonl"}}')
    config = Config.from_env_and_json(Path("bot/config.json"), environ={}, cwd=tmp_path)
    assert config.logs_dir == folder / "l"
    assert config.state_dir == folder / "../s"
    assert config.paper.quotes_file == folder / "q.jsonl"


@pytest.mark.parametrize("spelling", ["../bot/config.json", "../link/config.json"])
def test_folders_are_the_same_however_the_file_is_named(tmp_path, spelling):
    """Two commands over one account would otherwise disagree about where its journal is."""
    folder, elsewhere = tmp_path / "bot", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(folder)
    write(folder, '{"logs_dir": "l", "state_dir": "s"}')
    config = Config.from_env_and_json(Path(spelling), environ={}, cwd=elsewhere)
    assert (config.logs_dir, config.state_dir) == (folder / "l", folder / "s")


def test_absolute_folders_stay(tmp_path):
    assert read(tmp_path, '{"logs_dir": "/var/log/bot"}').logs_dir == Path("/var/log/bot")


@pytest.mark.parametrize(
    ("state_dir", "environ", "resolved"),
    [
        (None, {}, "/users/ann/.local/state/trading-bot"),
        (None, {"XDG_STATE_HOME": "/xdg"}, "/xdg/trading-bot"),
        (None, {"XDG_STATE_HOME": ""}, "/users/ann/.local/state/trading-bot"),
        (None, {"XDG_STATE_HOME": "relative"}, "/users/ann/.local/state/trading-bot"),
        ("/own", {"XDG_STATE_HOME": "/xdg"}, "/own"),
    ],
)
def test_the_state_folder(state_dir, environ, resolved):
    assert Config(state_dir=state_dir).resolve_state_dir(environ, Path("/users/ann")) == Path(resolved)


def test_the_state_folder_defaults_to_this_users_own(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Config().resolve_state_dir() == tmp_path / ".local/state/trading-bot"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert Config().resolve_state_dir() == tmp_path / "xdg/trading-bot"


def test_a_user_without_a_home_has_to_name_the_state_folder(monkeypatch):
    def no_home() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ConfigError, match="set state_dir"):
        Config().resolve_state_dir({})


def test_this_process_is_read_where_nothing_else_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADING_BOT_PAPER__SEED", "4")
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    config = Config.from_env_and_json(None)
    assert (config.paper.seed, config.logs_dir) == (4, tmp_path / "logs")
    assert config.credentials() == Credentials.from_env(LOGIN)


# The login


def test_the_login_comes_from_the_environment_and_is_never_shown():
    login = Credentials.from_env(LOGIN)
    assert login.username.get_secret_value() == LOGIN["ROBINHOOD_USERNAME"]
    assert login.password.get_secret_value() == LOGIN["ROBINHOOD_PASSWORD"]
    assert login.mfa_secret is not None
    assert login.mfa_secret.get_secret_value() == LOGIN["ROBINHOOD_MFA_SECRET"]
    shown = f"{login!r} {login} {login.model_dump()} {login.model_dump_json()}"
    assert not any(secret in shown for secret in LOGIN.values())


def test_a_login_without_one_time_codes_is_whole():
    assert Credentials.from_env({**LOGIN, "ROBINHOOD_MFA_SECRET": ""}).mfa_secret is None


def test_missing_parts_of_the_login_are_named():
    with pytest.raises(ConfigError) as refusal:
        Credentials.from_env({})
    assert [problem.split()[0] for problem in refusal.value.problems] == ["ROBINHOOD_USERNAME", "ROBINHOOD_PASSWORD"]


@pytest.mark.parametrize("name", LOGIN)
@pytest.mark.parametrize("stray", [" {}", "{} ", "{}\n"])
def test_a_login_with_stray_spaces_is_refused_and_never_shown(name, stray):
    with pytest.raises(ConfigError, match="begins or ends with a space") as refusal:
        Credentials.from_env({**LOGIN, name: stray.format(LOGIN[name])})
    assert LOGIN[name] not in str(refusal.value)


def test_the_environments_login_beats_dotenvs(tmp_path):
    write(tmp_path, "ROBINHOOD_USERNAME=filed\nROBINHOOD_PASSWORD=filed\n", ".env").chmod(0o600)
    login = read(tmp_path).credentials({"ROBINHOOD_PASSWORD": "mine"})
    assert (login.username.get_secret_value(), login.password.get_secret_value()) == ("filed", "mine")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_login_that_other_users_can_read_is_refused(tmp_path, mode):
    path = write(tmp_path, "ROBINHOOD_PASSWORD=filed\n", ".env")
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        Credentials.from_env(LOGIN, env_file=path)


def test_a_dotenv_without_a_login_may_be_read_by_others(tmp_path):
    path = write(tmp_path, "OTHER=1\n", ".env")
    path.chmod(0o644)
    assert Credentials.from_env(LOGIN, env_file=path).password.get_secret_value() == "hunter2"


def test_the_login_is_no_part_of_the_configuration(tmp_path):
    assert "hunter2" not in repr(read(tmp_path, **LOGIN))
    assert not any("password" in name for name in section_names(Config))


def test_a_part_of_the_login_may_be_known(tmp_path):
    write(tmp_path, "ROBINHOOD_USERNAME=filed\n", ".env").chmod(0o600)
    known = read(tmp_path).known_credentials({"ROBINHOOD_MFA_SECRET": "seed"})
    assert known == KnownCredentials(username=SecretStr("filed"), mfa_secret=SecretStr("seed"))
    assert known.password is None
    assert "filed" not in f"{known!r} {known} {known.model_dump_json()}"
    assert KnownCredentials.from_env({}) == KnownCredentials()


@pytest.mark.parametrize("name", LOGIN)
def test_a_part_of_the_login_with_stray_spaces_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} begins or ends with a space"):
        KnownCredentials.from_env({name: f" {LOGIN[name]}"})


def test_a_part_of_the_login_that_other_users_can_read_is_refused(tmp_path):
    path = write(tmp_path, "ROBINHOOD_USERNAME=filed\n", ".env")
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        KnownCredentials.from_env({}, env_file=path)
