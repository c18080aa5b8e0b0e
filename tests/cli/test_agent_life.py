"""A life on the agent interface by commands, over real sockets: what each says, and what the broker's book has."""

from tests.support.agent_command_line import AgentCommandLine, agent_command_line
from tests.support.agent_server import Fault
from tests.support.command_line import CommandResult
from trading_bot.cli.exit_codes import ExitCode

ACCOUNT_ENDS_IN = "0008"


def done(result: CommandResult) -> str:
    """Return what a command said, all of which it did."""
    assert result.returncode == ExitCode.DONE, result
    return result.stdout


def test_a_life_from_login_to_logout(tmp_path):
    with agent_command_line(tmp_path, seed=11) as run:
        assert f"...{ACCOUNT_ENDS_IN} can be read over the agent interface" in done(run.log_in())
        done(run("arm", "--confirm", f"LIVE {ACCOUNT_ENDS_IN}"))
        assert "the broker's own review" in done(run("preview", "buy", "AAPL", "3", "--reference-price", "100"))
        assert run.server.places() == []
        buy_although_the_reply_is_lost(run)
        sell_and_cancel_although_the_token_ends(run)
        protect_and_leave(run)
        assert "no login is left here" in done(run("logout"))
        assert run("sync").returncode == ExitCode.LOGIN_NEEDED
        assert run.server.complaints == []
        assert len({order.ref_id for order in run.server.book.orders}) == len(run.server.book.orders)


def buy_although_the_reply_is_lost(run: AgentCommandLine) -> None:
    run.server.acts["place_equity_order"].append(Fault.REPLY_LOST)
    assert "submitted" in done(run("buy", "AAPL", "3", "--reference-price", "100", "--client-order-id", "c1"))
    assert len(run.server.places()) == 1
    run.server.desk.forget_sessions()
    run.server.book.quote("AAPL", bid="98.98", ask="99.00")
    done(run("sync"))
    assert "filled 3 / 3, average 99.0000" in done(run("status", "c1"))


def sell_and_cancel_although_the_token_ends(run: AgentCommandLine) -> None:
    run.server.grants.expire_access()
    done(run("sell", "AAPL", "1", "--reference-price", "105", "--client-order-id", "c2"))
    assert run.server.grants.refreshes == 1
    assert "cancelled" in done(run("cancel", "c2"))
    assert run.server.book.orders[-1].state == "cancelled"


def protect_and_leave(run: AgentCommandLine) -> None:
    assert "stop 95.00 rests at the broker" in done(run("protect", "AAPL", "--stop", "95"))
    (stop,) = run.server.book.open()
    assert (stop.kind, stop.time_in_force) == ("stop_limit", "gtc")
    assert "3 shares are sold" in done(run("exit", "AAPL"))
    assert stop.state == "cancelled"
    assert run.server.book.shares["AAPL"] == 0
