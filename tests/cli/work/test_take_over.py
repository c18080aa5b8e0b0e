"""`trading-bot login --from-robin-stocks`: an existing login is tried on the account before it replaces anything."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.live_account import NUMBER, TOKEN, LiveAccount, live_account
from tests.support.loopback_broker import acts
from trading_bot.auth.token_store import SavedSession, TokenFileError
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.login import take_over
from trading_bot.startup.login import open_live_door

LIVE = {"trading": {"mode": "live"}, "account_number": NUMBER}
LOGIN = {
    "token_type": "Bearer",
    "access_token": "canary-access",
    "refresh_token": "first-refresh",
    "device_token": "canary-device",
}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveAccount]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    kept(tmp_path)
    with live_account(tmp_path) as account:
        account.book.bearers = {"canary-access"}
        yield account


def kept(home: Path, name: str = "robinhood.pickle", mode: int = 0o600, **changes: object) -> Path:
    file = home / ".tokens" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(pickle.dumps(LOGIN | changes))
    file.chmod(mode)
    return file


def takes_over(account: LiveAccount, file: Path | None = None, *, as_json: bool = False) -> None:
    take_over(
        Invocation(json=as_json),
        account.config,
        lambda config, username: open_live_door(
            config, username=username, transport=account.transport, surroundings=account.around
        ),
        file=file,
    )


def saved(account: LiveAccount) -> SavedSession:
    session = account.store.load()
    assert session is not None
    return session


def texts(session: SavedSession) -> list[str]:
    secrets = (session.device_token, session.access_token, session.refresh_token)
    return [secret.get_secret_value() for secret in secrets if secret is not None]


def test_the_login_is_tried_on_the_account_and_kept_as_our_own(account, capsys):
    takes_over(account)
    said = capsys.readouterr()
    assert said.out.startswith(f"logged in: live account ...{NUMBER[-4:]} can be read with the login of robin_stocks")
    assert "Stop the program that it came from" in said.out
    assert account.server.paths() == [f"GET /accounts/{NUMBER}/"]
    assert texts(saved(account)) == ["canary-device", "canary-access", "first-refresh"]
    assert "canary" not in said.out + said.err


def test_a_bot_starts_on_it_and_renews_it_like_any_other_login(account):
    takes_over(account)
    account.book.revoke_all()
    bot = account.bot()
    bot.start()
    bot.stop()
    (form,) = (heard.form for heard in account.server.heard if heard.path == TOKEN[1])
    assert (form["refresh_token"], form["device_token"]) == ("first-refresh", "canary-device")


def test_under_json_the_answer_is_one_object(account, capsys):
    takes_over(account, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"v": 1, "logged_in": True, "account": f"...{NUMBER[-4:]}"}


def test_a_file_may_be_named(account):
    file = kept(account.folder, "robinhoodmine.pickle", device_token="mine")
    takes_over(account, file)
    assert texts(saved(account))[0] == "mine"


def test_the_user_of_the_environment_owns_the_login(account, monkeypatch):
    monkeypatch.setenv("ROBINHOOD_USERNAME", "ann@example.com")
    takes_over(account)
    bot = account.bot()
    bot.start()
    bot.stop()


def test_a_refused_token_is_not_renewed_and_the_session_that_was_there_stays(account):
    """A renewal would use up the refresh token of the program that the file belongs to, or prove our own session."""
    account.log_in("ours")
    account.book.bearers = {"ours"}
    with pytest.raises(CommandError, match="nothing was taken over") as refused:
        takes_over(account)
    assert (refused.value.exit_code, refused.value.code) == (ExitCode.LOGIN_NEEDED, "login_needed")
    assert "trading-bot login" in str(refused.value)
    assert "POST /oauth2/token/" not in account.server.paths()
    assert texts(saved(account)) == ["device", "ours", "first-refresh"]


def test_a_refused_token_is_not_renewed_where_nothing_was_saved_either(account):
    account.book.revoke_all()
    with pytest.raises(CommandError, match="nothing was taken over"):
        takes_over(account)
    assert "POST /oauth2/token/" not in account.server.paths()
    assert account.store.load() is None


def test_the_login_of_another_account_is_not_kept(account):
    account.book.account_number = "5QR19999"
    with pytest.raises(CommandError, match="whether account_number is an account of this login") as refused:
        takes_over(account)
    assert refused.value.exit_code is ExitCode.NOT_SENT
    assert NUMBER not in str(refused.value)
    assert not account.state().session.exists()


def test_a_broker_that_is_down_leaves_everything_as_it_was(account):
    for _ in range(9):
        account.server.on("GET", f"/accounts/{NUMBER}/", acts.reply(503, b"busy"))
    with pytest.raises(CommandError) as refused:
        takes_over(account)
    assert refused.value.exit_code is ExitCode.NOT_SENT
    assert not account.state().session.exists()


def test_a_file_that_others_can_read_is_taken_with_a_warning(account, capsys):
    file = kept(account.folder, mode=0o644)
    takes_over(account)
    assert f"other users of this machine can read {file}: delete it" in capsys.readouterr().err


def test_a_session_that_cannot_be_saved_is_reported(account):
    account.state().root.mkdir(mode=0o700, parents=True)
    account.state().root.chmod(0o755)
    with pytest.raises(TokenFileError, match="chmod 700"):
        takes_over(account)


@pytest.mark.parametrize("wishes", [["--from-robin-stocks"], ["--from-robin-stocks", "planted.pickle"]])
def test_a_file_that_cannot_be_used_is_one_line_and_exit_code_4(tmp_path, monkeypatch, wishes):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "planted.pickle").write_bytes(b"cos\nsystem\n(S'touch it-ran'\ntR.")
    (tmp_path / "planted.pickle").chmod(0o600)
    cli = CommandLineBench(tmp_path, LIVE)
    done = cli("login", *wishes)
    assert (done.returncode, done.stdout) == (ExitCode.LOGIN_NEEDED, "")
    assert done.stderr.startswith("trading-bot: ")
    assert "trading-bot login" in done.stderr
    assert done.stderr.count("\n") == 1
    error = json.loads(cli("--json", "login", *wishes).stderr)["error"]
    assert (error["code"], error["exit_code"]) == ("token_file_refused", 4)
    assert not (tmp_path / "it-ran").exists()


def test_an_option_may_follow_where_no_file_is_named(tmp_path):
    cli = CommandLineBench(tmp_path)
    assert json.loads(cli("login", "--from-robin-stocks", "--json").stdout) == {"v": 1, "logged_in": False}


def test_on_paper_nothing_is_taken_over(tmp_path):
    done = CommandLineBench(tmp_path)("login", "--from-robin-stocks")
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "paper mode")
