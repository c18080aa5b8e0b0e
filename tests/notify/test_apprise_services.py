"""Apprise over loopback: what arrives, what is said of a failure, and that no part of an address is ever shown."""

import logging
import socket
import threading

import apprise.apprise
import pytest
from apprise.logger import logger
from pydantic import SecretStr

from tests.support.notify_bench import loopback_service
from trading_bot.config import ConfigError
from trading_bot.notify.apprise_services import _kept_to_us, apprise_services
from trading_bot.notify.lane import Delivery

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # one of the plug-ins that apprise loads


def services(*urls: str):
    return apprise_services([SecretStr(url) for url in urls])


def test_a_text_arrives_as_it_is():
    with loopback_service() as there:
        (service,) = services(f"json://127.0.0.1:{there.port}/hook")
        assert service.send("PAPER: fills", "a & b <c> *d* :e: \\n").delivery is Delivery.DELIVERED
    ((method, path, body),) = there.got
    assert (method, path) == ("POST", "/hook")
    assert (body["title"], body["message"]) == ("PAPER: fills", "a & b <c> *d* :e: \\n")


def test_a_refusal_is_a_failure_and_says_why_without_the_address():
    with loopback_service(topsecret1=500) as there:
        url = f"json://anna:pw12@127.0.0.1:{there.port}/topsecret1"
        (service,) = services(url)
        sending = service.send("t", "b")
    assert sending.delivery is Delivery.FAILED
    assert sending.problem is not None
    assert "error=500" in sending.problem
    for part in ("anna", "pw12", "topsecret1", str(there.port), "127.0.0.1"):
        assert part not in sending.problem + service.name


def test_a_service_that_is_not_there_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (service,) = services(f"json://127.0.0.1:{port}/secret-topic")
    sending = service.send("t", "b")
    assert sending.delivery is Delivery.FAILED
    assert sending.problem
    assert "secret-topic" not in sending.problem


def test_an_optional_service_that_failed_has_failed_all_the_same():
    """Apprise calls it a success."""
    with loopback_service(hook=500) as there:
        (service,) = services(f"json://127.0.0.1:{there.port}/hook?optional=yes")
        assert service.send("t", "b").delivery is Delivery.FAILED


def test_each_service_is_named_by_its_place_and_kind():
    made = services("json://127.0.0.1/a", "tgram://123456789:abcdefg_hijklmnop/12315544/")
    assert [each.name for each in made] == ["1 json (JSON)", "2 tgram (Telegram)"]


def test_an_address_that_apprise_cannot_use_is_refused_by_its_kind_alone():
    with pytest.raises(ConfigError) as refused:
        services("json://127.0.0.1/a", "tgram://hunter2", "nosuch://topsecret")
    first, second = refused.value.problems
    assert "address 2 (tgram://...)" in first
    assert "address 3 (nosuch://...)" in second
    assert "hunter2" not in str(refused.value) + repr(refused.value)
    assert "topsecret" not in str(refused.value)


def test_no_thread_is_left_that_would_keep_the_process_from_ending():
    with loopback_service() as there:
        services(f"json://127.0.0.1:{there.port}/hook")[0].send("t", "b")
    assert apprise.apprise._shared_executor is None


def test_nothing_to_send_is_a_failure_and_no_delivery():
    """Apprise attempts nothing then."""
    sending = services("json://127.0.0.1/hook")[0].send("", "")
    assert sending.delivery is Delivery.FAILED
    assert sending.problem


def test_what_apprise_logs_reaches_no_handler_and_that_of_other_threads_does(caplog):
    with loopback_service(hook=500) as there, caplog.at_level(logging.WARNING):
        services(f"json://127.0.0.1:{there.port}/hook")[0].send("t", "b")
        with pytest.raises(ConfigError):
            services("nosuch://topsecret")
        with _kept_to_us():
            thread = threading.Thread(target=lambda: logger.warning("of another program"))
            thread.start()
            thread.join(20)
    assert [each.getMessage() for each in caplog.records if each.name == "apprise"] == ["of another program"]
