"""``notify test`` over loopback: each service by itself, what it said, and never its address."""

import json
import socket

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.notify_bench import loopback_service

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # one of the plug-ins that apprise loads


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def set_up(cli: CommandLineBench, *urls: str, name: str = "TRADING_BOT_NOTIFY_URLS") -> None:
    (cli.home / ".env").write_text(f'{name}="{" ".join(urls)}"\n')
    (cli.home / ".env").chmod(0o600)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_without_an_address_it_says_what_to_set(cli):
    done = cli("notify", "test")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no service is set up; set TRADING_BOT_NOTIFY_URLS" in done.stderr


def test_every_service_that_takes_the_message_is_said_to_have_it(cli):
    with loopback_service() as there:
        set_up(cli, f"json://127.0.0.1:{there.port}/topsecret")
        done = cli("notify", "test")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 json (JSON)  delivered" in done.stdout
    assert there.got[0][2]["title"] == "PAPER: test"


def test_one_that_does_not_take_it_is_named_and_the_others_have_it(cli):
    with loopback_service(topsecret=403) as there:
        set_up(cli, f"json://127.0.0.1:{there.port}/topsecret", f"json://127.0.0.1:{there.port}/well")
        done = cli("notify", "test")
    assert done.returncode == 7
    assert "1 of 2 services did not take the message (1 json (JSON))" in done.stderr
    assert "not delivered" in done.stdout
    assert "error=403" in done.stdout
    assert "topsecret" not in done.stdout + done.stderr
    assert len(there.got) == 2


def test_under_json_each_service_has_its_result(cli):
    set_up(cli, f"json://127.0.0.1:{closed_port()}/topsecret")
    done = cli("--json", "notify", "test")
    (service,) = json.loads(done.stdout)["services"]
    assert (service["service"], service["result"]) == ("1 json (JSON)", "failed")
    assert json.loads(done.stderr)["error"]["code"] == "not_delivered"


def test_an_address_that_cannot_be_used_is_refused_by_its_kind_alone(cli):
    set_up(cli, "nosuch://topsecret")
    for command in (("notify", "test"), ("doctor",)):
        done = cli(*command)
        assert "address 1 (nosuch://...)" in done.stdout + done.stderr
        assert "topsecret" not in done.stdout + done.stderr
    assert cli("notify", "test").returncode == 3


@pytest.mark.parametrize("name", ["TRADING_BOT_NOTIFY_URLS", "TRADING_BOT_HEARTBEAT_URL"])
def test_config_check_and_doctor_read_the_addresses(cli, name):
    set_up(cli, "topsecret", name=name)
    checked = cli("config", "check")
    assert checked.returncode == 3
    assert name in checked.stderr
    findings = {check["name"]: check for check in cli.json("doctor")["checks"]}
    assert findings["messages"]["finding"] == findings["heartbeat"]["finding"] == "warning"
    assert "topsecret" not in json.dumps(findings) + checked.stderr


def test_the_doctor_says_what_is_set_up(tmp_path):
    cli = CommandLineBench(tmp_path, {"metrics": {"port": 9464}})
    (cli.home / ".env").write_text(
        "TRADING_BOT_NOTIFY_URLS=json://127.0.0.1/topsecret\nTRADING_BOT_HEARTBEAT_URL=https://hc.example/topsecret\n"
    )
    (cli.home / ".env").chmod(0o600)
    found = {check["name"]: check["detail"] for check in cli.json("doctor")["checks"]}
    assert found["messages"] == "1 json (JSON); try them with 'trading-bot notify test'"
    assert found["heartbeat"] == "every 60 s while a running bot is well"
    assert found["figures"] == "a running bot shows them at http://127.0.0.1:9464/metrics"
