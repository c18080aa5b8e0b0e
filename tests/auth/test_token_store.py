"""The saved session: private, whole, ours, or refused."""

import json
import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.live_login_bench import ACCOUNT_NUMBER, USERNAME, store_at
from trading_bot.auth.token_store import LARGEST_FILE, SavedSession, TokenFileError, TokenStore
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError

SESSION = SavedSession(
    device_token=SecretStr("device"), access_token=SecretStr("access"), refresh_token=SecretStr("refresh")
)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return store_at(tmp_path / "state")


@pytest.fixture
def filled(store: TokenStore) -> TokenStore:
    store.save(SESSION)
    return store


def test_nothing_saved_is_no_session(store):
    assert store.load() is None


def test_what_was_saved_is_read_back(filled):
    assert filled.load() == SESSION


def test_reading_leaves_no_file_open(filled):
    before = sorted(path.name for path in Path("/dev/fd").iterdir())
    filled.load()
    assert sorted(path.name for path in Path("/dev/fd").iterdir()) == before


def test_a_logged_out_device_is_read_back(store):
    store.save(SavedSession(device_token=SecretStr("device")))
    assert store.load() == SavedSession(device_token=SecretStr("device"))


def test_file_and_folder_are_their_owners_alone(filled):
    assert stat.S_IMODE(filled.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(filled.path.parent.stat().st_mode) == 0o700


def test_saving_again_replaces_the_file_and_leaves_no_other(filled):
    filled.save(SavedSession(device_token=SecretStr("device"), access_token=SecretStr("newer")))
    assert filled.load().access_token == SecretStr("newer")
    assert list(filled.path.parent.iterdir()) == [filled.path]


@pytest.mark.parametrize(
    ("username", "account_number"),
    [("other@example.com", ACCOUNT_NUMBER), (USERNAME, "OTHER123")],
    ids=["user", "account"],
)
def test_a_session_of_another_user_or_account_is_refused(filled, username, account_number):
    other = TokenStore(
        path=filled.path,
        username=username if isinstance(username, SecretStr) else SecretStr(username),
        account_number=account_number if isinstance(account_number, SecretStr) else SecretStr(account_number),
        files=LocalFiles(),
    )
    with pytest.raises(TokenFileError, match="another user or account"):
        other.load()


def test_a_user_name_in_other_letters_is_the_same_user(filled):
    upper = SecretStr(USERNAME.get_secret_value().upper())
    same = TokenStore(path=filled.path, username=upper, account_number=ACCOUNT_NUMBER, files=LocalFiles())
    assert same.load() == SESSION


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644])
def test_a_file_open_to_others_is_refused(filled, mode):
    filled.path.chmod(mode)
    with pytest.raises(TokenFileError, match="chmod 600"):
        filled.load()


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o770])
def test_a_folder_open_to_others_is_refused_for_reading_and_writing(filled, mode):
    filled.path.parent.chmod(mode)
    with pytest.raises(TokenFileError, match="chmod 700"):
        filled.load()
    with pytest.raises(TokenFileError, match="chmod 700"):
        filled.save(SESSION)


def test_a_symbolic_link_is_refused(filled, tmp_path):
    filled.path.rename(tmp_path / "elsewhere.json")
    filled.path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(TokenFileError, match="cannot read"):
        filled.load()


def test_a_link_is_replaced_and_not_followed_when_saving(filled, tmp_path):
    target = tmp_path / "target"
    target.write_text("untouched")
    filled.path.unlink()
    filled.path.symlink_to(target)
    filled.save(SESSION)
    assert (target.read_text(), filled.load()) == ("untouched", SESSION)


def test_a_linked_folder_is_refused(filled, tmp_path):
    folder = filled.path.parent
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    with pytest.raises(TokenFileError, match="its folder is a link"):
        filled.load()


def test_a_file_with_a_second_name_is_refused(filled, tmp_path):
    os.link(filled.path, tmp_path / "second")
    with pytest.raises(TokenFileError, match="second name"):
        filled.load()


def test_a_pipe_is_refused_without_waiting_for_it(store):
    store.path.parent.mkdir(mode=0o700)
    os.mkfifo(store.path, 0o600)
    with pytest.raises(TokenFileError, match="no plain file"):
        store.load()


@pytest.mark.parametrize("owner", ["file", "folder"])
def test_another_owner_is_refused(filled, owner):
    answers = iter([os.geteuid(), os.geteuid() + 1] if owner == "file" else [os.geteuid() + 1])
    foreign = TokenStore(
        path=filled.path,
        username=USERNAME,
        account_number=ACCOUNT_NUMBER,
        files=LocalFiles(),
        user_id=lambda: next(answers),
    )
    with pytest.raises(TokenFileError, match="another user of this machine"):
        foreign.load()


def tolerant(filled: TokenStore, told: list[str], user: int | None = None) -> TokenStore:
    return TokenStore(
        path=filled.path,
        username=USERNAME,
        account_number=ACCOUNT_NUMBER,
        files=LocalFiles(),
        user_id=lambda: os.geteuid() if user is None else user,
        tolerate=told.append,
    )


@pytest.mark.parametrize(("opened", "remedy"), [("file", "chmod 600"), ("folder", "chmod 700")])
def test_for_a_kill_a_session_open_to_others_is_read_and_told(filled, opened, remedy):
    (filled.path if opened == "file" else filled.path.parent).chmod(0o755)
    told: list[str] = []
    assert tolerant(filled, told).load() == SESSION
    assert len(told) == 1
    assert remedy in told[0]


def test_a_private_session_is_read_without_a_word(filled):
    told: list[str] = []
    tolerant(filled, told).load()
    assert told == []


def test_even_for_a_kill_a_session_of_another_owner_is_refused(filled):
    filled.path.chmod(0o644)
    told: list[str] = []
    with pytest.raises(TokenFileError, match="another user of this machine"):
        tolerant(filled, told, os.geteuid() + 1).load()
    assert told == []


def changed(filled: TokenStore, **changes: object) -> str:
    return json.dumps(json.loads(filled.path.read_text()) | changes)


@pytest.mark.parametrize(
    "content",
    [
        lambda filled: "",
        lambda filled: filled.path.read_text()[:-9],
        lambda filled: "[]",
        lambda filled: "\x80\x04\x95pickle",
        lambda filled: changed(filled, v=2),
        lambda filled: changed(filled, extra=1),
        lambda filled: changed(filled, session={"device_token": "d", "access_token": 1}),
        lambda filled: changed(filled, session={"access_token": "a"}),
        lambda filled: changed(filled, session={"device_token": "d", "surprise": "x"}),
    ],
)
def test_a_damaged_file_is_refused_and_never_half_believed(filled, content):
    filled.path.write_text(content(filled))
    with pytest.raises(TokenFileError, match="damaged; log in again"):
        filled.load()


def test_a_huge_file_is_refused_unread(filled):
    filled.path.write_text(" " * (LARGEST_FILE + 1))
    with pytest.raises(TokenFileError, match="too large"):
        filled.load()


def test_a_full_disk_says_so_and_keeps_the_old_session(filled):
    class FullDisk(LocalFiles):
        def write_new(self, path, data):
            raise OSError(28, "No space left on device")

    full = TokenStore(path=filled.path, username=USERNAME, account_number=ACCOUNT_NUMBER, files=FullDisk())
    with pytest.raises(TokenFileError, match="No space left"):
        full.save(SavedSession(device_token=SecretStr("lost")))
    assert filled.load() == SESSION


def test_every_refusal_needs_a_person():
    assert issubclass(TokenFileError, AuthenticationError)


def test_neither_errors_nor_reprs_nor_the_name_of_the_owner_show_a_secret(filled):
    text = filled.path.read_text()
    assert USERNAME.get_secret_value() not in text
    assert ACCOUNT_NUMBER.get_secret_value() not in text
    filled.path.write_text(changed(filled, session={"device_token": "d", "access_token": {"canary": 1}}))
    with pytest.raises(TokenFileError) as refused:
        filled.load()
    assert "canary" not in str(refused.value) + str(refused.value.__cause__)
    assert "access" not in repr(SESSION).replace("access_token", "")


class TestWithoutAUserName:
    @pytest.fixture
    def anybody(self, store: TokenStore) -> TokenStore:
        return TokenStore(path=store.path, username=None, account_number=ACCOUNT_NUMBER, files=LocalFiles())

    def test_the_file_of_any_user_of_the_account_will_do(self, filled, anybody):
        assert anybody.load() == SESSION

    def test_the_file_of_another_account_will_not(self, filled):
        other = TokenStore(path=filled.path, username=None, account_number=SecretStr("OTHER123"), files=LocalFiles())
        with pytest.raises(TokenFileError, match="another user or account"):
            other.load()

    def test_it_stays_that_users(self, filled, anybody):
        renewed = SESSION.model_copy(update={"access_token": SecretStr("newer")})
        anybody.load()
        anybody.save(renewed)
        assert filled.load() == renewed
        unjournaled = SecretStr("other@example.com")
        other = TokenStore(path=filled.path, username=unjournaled, account_number=ACCOUNT_NUMBER, files=LocalFiles())
        with pytest.raises(TokenFileError, match="another user or account"):
            other.load()

    def test_nobodys_file_is_not_taken_for_a_users(self, store, anybody):
        anybody.save(SESSION)
        with pytest.raises(TokenFileError, match="another user or account"):
            store.load()


def test_a_store_for_prices_takes_any_accounts_session_and_leaves_it_that_accounts(filled):
    anybody = TokenStore(path=filled.path, username=None, account_number=None, files=LocalFiles())
    with pytest.raises(TokenFileError, match="cannot be told whose it is"):
        anybody.save(SESSION)
    assert anybody.load() == SESSION
    renewed = SavedSession(device_token=SecretStr("device"), access_token=SecretStr("newer"))
    anybody.save(renewed)
    assert store_at(filled.path.parent).load() == renewed
