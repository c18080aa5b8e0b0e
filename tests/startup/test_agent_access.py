"""One transport for the two hosts of the agent interface, and a login of its own beside that of the private wire."""

from pathlib import Path

from pydantic import SecretStr

from tests.support.agent_login_bench import CALL, CLIENT, TOKEN, tokens
from tests.support.scripted_broker import MORNING, ScriptedBroker, clock, reply
from trading_bot.agent.login.saved_login import SavedLogin
from trading_bot.files import LocalFiles
from trading_bot.order_management.models import ExecutionMode
from trading_bot.robinhood.session import WireRequest
from trading_bot.startup.agent_access import AgentConnection, agent_connection
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder, account_key


def connection(folder: Path, broker: ScriptedBroker) -> AgentConnection:
    key = account_key(ExecutionMode.LIVE, "5QR12345")
    state = StateFolder(root=folder / f"live-{key}", files=LocalFiles())
    return agent_connection(default_surroundings(clock()), state=state, transport=broker)


def test_one_transport_serves_both_hosts_and_the_session_stays_with_its_own(tmp_path):
    broker = ScriptedBroker()
    made = connection(tmp_path, broker)
    made.login.adopt(SavedLogin(client_id=CLIENT, access_token=SecretStr("first"), obtained_at=MORNING))
    made.login.adopt(
        SavedLogin(
            client_id=CLIENT, access_token=SecretStr("second"), refresh_token=SecretStr("r"), obtained_at=MORNING
        )
    )
    broker.on(*CALL, reply(401))
    broker.on(*TOKEN, tokens())
    made.http.exchange(WireRequest(method="POST", path=CALL[1], body=b"{}"), timeout_s=10)
    assert made.login.renew(10)
    called, renewed = broker.seen
    assert (called.headers["host"], called.headers["Authorization"]) == ("agent.robinhood.com", "Bearer second")
    assert renewed.headers["host"] == "api.robinhood.com"
    assert "Authorization" not in renewed.headers


def test_the_login_is_kept_apart_from_that_of_the_private_wire(tmp_path):
    made = connection(tmp_path, ScriptedBroker())
    made.login.adopt(SavedLogin(client_id=CLIENT, access_token=SecretStr("first"), obtained_at=MORNING))
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["agent-session.json", "agent-session.json.lock"]
