"""The token file of robin_stocks: read whatever protocol wrote it, and no more than four texts whoever wrote it."""

import io
import os
import pickle
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from trading_bot.auth.robin_stocks_file import NoGlobals, read_robin_stocks_file, usual_file
from trading_bot.auth.token_store import LARGEST_FILE, SavedSession, TokenFileError

LOGIN = {
    "token_type": "Bearer",
    "access_token": "canary-access",
    "refresh_token": "canary-refresh",
    "device_token": "canary-device",
}
SESSION = SavedSession(
    device_token=SecretStr("canary-device"),
    access_token=SecretStr("canary-access"),
    refresh_token=SecretStr("canary-refresh"),
)
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "robinhood.pickle"
    path.touch(0o600)
    return path


def refusal(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    with pytest.raises(TokenFileError) as refused:
        read_robin_stocks_file(file)
    assert "\n" not in str(refused.value)
    assert "canary" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_robin_stocks_wrote_is_read_in_every_protocol(file, protocol):
    file.write_bytes(pickle.dumps(LOGIN, protocol=protocol))
    assert read_robin_stocks_file(file).session == SESSION


def test_the_file_stays_as_it_is(file):
    content = pickle.dumps(LOGIN)
    file.write_bytes(content)
    read_robin_stocks_file(file)
    assert file.read_bytes() == content


def test_a_newer_field_is_no_reason_to_refuse(file):
    file.write_bytes(pickle.dumps(LOGIN | {"scope": "internal", "user_uuid": None}))
    assert read_robin_stocks_file(file).session == SESSION


class Planted:
    """Runs when it is read by an ordinary unpickler."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("where", ["whole", "a value", "a field more"])
def test_a_planted_program_is_not_run(file, tmp_path, protocol, where):
    mark = tmp_path / "it-ran"
    planted = {"whole": Planted(mark), "a value": LOGIN | {"access_token": Planted(mark)}}
    content = pickle.dumps(planted.get(where, LOGIN | {"more": Planted(mark)}), protocol=protocol)
    pickle.loads(content)
    mark.rmdir()
    assert "not what robin_stocks 3.4 writes" in refusal(file, content)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_unpickler_by_itself_runs_nothing_either(tmp_path, protocol):
    """A second wall: the first one looks at the operations before anything is built."""
    mark = tmp_path / "it-ran"
    with pytest.raises(pickle.UnpicklingError, match="class or a function"):
        NoGlobals(io.BytesIO(pickle.dumps(Planted(mark), protocol=protocol))).load()
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"(dp%d\n." % (LARGEST_FILE + 1),
        b"\x80\x04}r\x01\x00\x00\x00.",
        b"\x80\x04C\x01x.",
        b"\x80\x04)\x85.",
    ],
    ids=["a place in the memo beyond the file", "a wide place in the memo", "bytes", "a nest"],
)
def test_what_may_take_more_memory_than_the_file_is_refused(file, content):
    assert "not what robin_stocks 3.4 writes" in refusal(file, content)


@pytest.mark.parametrize("name", LOGIN)
@pytest.mark.parametrize("value", [None, "", "two\nlines", "x" * 5000, {}], ids=repr)
def test_a_field_of_the_wrong_kind_is_named(file, name, value):
    assert f"({name})" in refusal(file, pickle.dumps(LOGIN | {name: value}))


@pytest.mark.parametrize("name", LOGIN)
def test_a_missing_field_is_named(file, name):
    rest = {key: value for key, value in LOGIN.items() if key != name}
    assert f"({name})" in refusal(file, pickle.dumps(rest))


@pytest.mark.parametrize("value", [7, b"bytes", ["list"], ("tuple",), 1.5, True, {"set"}], ids=repr)
def test_what_is_no_text_is_refused(file, value):
    assert "not what robin_stocks 3.4 writes" in refusal(file, pickle.dumps(LOGIN | {"access_token": value}))


@pytest.mark.parametrize("whole", ["a text", None, {}, {None: None}], ids=repr)
def test_what_is_no_login_is_refused(file, whole):
    assert "not what robin_stocks 3.4 writes" in refusal(file, pickle.dumps(whole))


def test_an_operation_that_no_dict_of_texts_needs_is_refused(file):
    """It would give an object attributes; a dict has none, so that the unpickler would end in an error of its own."""
    assert "not what robin_stocks 3.4 writes" in refusal(file, b"\x80\x04}}\x8c\x01aNsb.")


def test_another_kind_of_token_is_refused(file):
    assert "(token_type)" in refusal(file, pickle.dumps(LOGIN | {"token_type": "MAC"}))


def test_an_empty_or_torn_file_is_refused(file):
    whole = pickle.dumps(LOGIN)
    for length in (0, 1, 2, 11, len(whole) // 2, len(whole) - 1):
        refusal(file, whole[:length])


def test_a_file_that_is_too_large_is_not_read(file):
    assert "too large" in refusal(file, pickle.dumps(LOGIN) + b"\0" * LARGEST_FILE)


@given(st.binary(max_size=60), st.integers(0, 120), st.sampled_from(PROTOCOLS))
def test_whatever_is_in_the_file_it_is_read_or_refused(tmp_path_factory, noise, at, protocol):
    whole = pickle.dumps(LOGIN, protocol=protocol)
    file = tmp_path_factory.mktemp("noise") / "robinhood.pickle"
    file.write_bytes(whole[:at] + noise + whole[at:])
    file.chmod(0o600)
    with suppress(TokenFileError):
        assert read_robin_stocks_file(file).session.access_token is not None


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o644, True), (0o640, True), (0o400, False)])
def test_robin_stocks_lets_others_read_its_file_and_that_is_told(file, mode, is_open):
    file.write_bytes(pickle.dumps(LOGIN))
    file.chmod(mode)
    assert read_robin_stocks_file(file).is_open_to_readers is is_open


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(file, mode):
    file.chmod(mode)
    assert f"run chmod 600 {file}" in refusal(file, pickle.dumps(LOGIN))


def test_a_file_of_another_user_is_refused(file):
    file.write_bytes(pickle.dumps(LOGIN))
    with pytest.raises(TokenFileError, match="belongs to another user"):
        read_robin_stocks_file(file, user_id=lambda: os.geteuid() + 1)


def test_a_symbolic_link_is_refused(file, tmp_path):
    file.write_bytes(pickle.dumps(LOGIN))
    link = tmp_path / "link.pickle"
    link.symlink_to(file)
    with pytest.raises(TokenFileError, match="it is a symbolic link"):
        read_robin_stocks_file(link)


def test_a_second_name_a_folder_and_a_pipe_are_refused(file, tmp_path):
    file.write_bytes(pickle.dumps(LOGIN))
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "second").hardlink_to(file)
    for path in (file, tmp_path, tmp_path / "pipe"):
        with pytest.raises(TokenFileError, match="no plain file"):
            read_robin_stocks_file(path)


def test_what_cannot_be_opened_is_refused_with_the_reason(file):
    with pytest.raises(TokenFileError, match="Not a directory"):
        read_robin_stocks_file(file / "robinhood.pickle")


def test_a_missing_file_tells_how_to_get_one(tmp_path):
    with pytest.raises(TokenFileError, match="log in once with robin_stocks"):
        read_robin_stocks_file(tmp_path / "robinhood.pickle")


def test_a_missing_file_names_those_that_are_there(tmp_path):
    """robin_stocks names the file after its `pickle_name`."""
    for name in ("robinhoodmine.pickle", "robinhoodold.pickle", "other.pickle"):
        (tmp_path / name).touch()
    with pytest.raises(TokenFileError, match=r"there is robinhoodmine\.pickle, robinhoodold\.pickle: name the file"):
        read_robin_stocks_file(tmp_path / "robinhood.pickle")


def test_the_usual_file_is_the_one_of_robin_stocks(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert usual_file() == tmp_path / ".tokens" / "robinhood.pickle"


def test_without_a_home_folder_the_file_has_to_be_named(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(TokenFileError, match="name its file"):
        usual_file()


def test_no_secret_is_shown(file):
    file.write_bytes(pickle.dumps(LOGIN))
    assert "canary" not in repr(read_robin_stocks_file(file))
