import io
import json
import logging
import logging.handlers
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.support.safety_fakes import start_python
from trading_bot.clock import VirtualClock
from trading_bot.logging.masking import SecretMasker
from trading_bot.logging.setup import configure_logging, get_logger

START = datetime(2026, 11, 23, 15, 0, 0, 250, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("trading_bot")
    before = (list(root.handlers), root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def configure(stream: io.StringIO, *, level: int | str = "INFO", as_json: bool = True) -> None:
    masker = SecretMasker(secrets=["5QR12345"])
    configure_logging(stream=stream, level=level, json=as_json, masker=masker, clock=VirtualClock(START))


def test_an_event_is_one_line_of_json_with_its_time_first(stream: io.StringIO):
    configure(stream)
    get_logger("trading_bot.order_management.manager").info(
        "order_submitted", symbol="AAPL", limit_price=Decimal("1.50")
    )
    assert stream.getvalue().count("\n") == 1
    assert list(json.loads(stream.getvalue()).items()) == [
        ("timestamp", "2026-11-23T15:00:00.000250+00:00"),
        ("level", "info"),
        ("event", "order_submitted"),
        ("symbol", "AAPL"),
        ("limit_price", "1.50"),
        ("logger", "trading_bot.order_management.manager"),
    ]


def test_plain_lines_begin_alike_and_escape_what_could_forge_another(stream: io.StringIO):
    configure(stream, as_json=False)
    get_logger("trading_bot.bot").info("order_rejected", reason="no\n\x1b[2Jlevel='info'")
    line = stream.getvalue()
    assert line.startswith("timestamp='2026-11-23T15:00:00.000250+00:00' level='info' event='order_rejected' ")
    assert line.count("\n") == 1
    assert "\x1b" not in line


@pytest.mark.parametrize(("level", "shown"), [("DEBUG", 2), ("INFO", 1), (logging.ERROR, 0)])
def test_events_below_the_level_are_not_written(stream: io.StringIO, level: int | str, shown: int):
    configure(stream, level=level)
    get_logger("trading_bot.bot").debug("quote_read")
    get_logger("trading_bot.bot").info("order_submitted")
    assert stream.getvalue().count("\n") == shown


def test_secrets_are_masked_by_key_and_by_pattern(stream: io.StringIO):
    configure(stream)
    get_logger("trading_bot.bot").info("order_submitted", token="abc", reason="account 5QR12345")
    written = json.loads(stream.getvalue())
    assert (written["token"], written["reason"]) == ("***", "account ***")


def test_warnings_of_other_libraries_are_masked_too_and_their_chatter_is_dropped(stream: io.StringIO):
    logging.getLogger().setLevel(logging.DEBUG)
    configure(stream, level="DEBUG")
    logging.getLogger("urllib3").warning("retrying %s", "/accounts/5QR12345/")
    logging.getLogger("urllib3").info("new connection")
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["event"] == "retrying /accounts/***/"


@pytest.mark.parametrize("name", ["trading_bot.bot", "urllib3"])
def test_an_exception_is_shown_with_its_secrets_masked(stream: io.StringIO, name: str):
    configure(stream)
    logger = get_logger(name) if name.startswith("trading_bot") else logging.getLogger(name)
    try:
        int("account 5QR12345")
    except ValueError:
        logger.exception("read_failed")
    written = json.loads(stream.getvalue())
    assert "'account ***'" in written["exception"]


def test_configuring_again_replaces_the_earlier_choice(stream: io.StringIO):
    configure(io.StringIO())
    configure(stream, level="INFO")
    configure(stream, level="INFO")
    get_logger("trading_bot.bot").info("order_submitted")
    assert stream.getvalue().count("\n") == 1


IMPORT_AND_LOG = """
import logging
from trading_bot.logging import masking, setup, structured_logger
before = (logging.getLogger().handlers[:], logging.getLogger().level, logging.getLogger("trading_bot").handlers[:])
assert before == ([], logging.WARNING, []), before
setup.get_logger("trading_bot.bot").error("order_rejected")
print("done")
"""


def test_the_library_configures_nothing_and_stays_silent_by_itself():
    with start_python(IMPORT_AND_LOG) as process:
        out, _ = process.communicate()
    assert out == "done\n"
    assert process.returncode == 0


def test_before_any_configuration_an_event_reaches_the_host_programs_handlers_masked():
    host = logging.getLogger("trading_bot")
    handler = logging.handlers.MemoryHandler(capacity=10)
    host.addHandler(handler)
    try:
        get_logger("trading_bot.bot").warning("order_rejected", token="abc")
    finally:
        host.removeHandler(handler)
    message: object = handler.buffer[0].msg
    assert isinstance(message, dict)
    assert message["token"] == "***"
