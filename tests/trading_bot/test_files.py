import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_bot.files import Descriptor, LocalFiles, Statx, facts_without_times, found_statx


class Watched(LocalFiles):
    """Notes what is flushed, by name, as it is flushed."""

    def __init__(self) -> None:
        self.flushed: list[str] = []

    def sync(self, descriptor: Descriptor) -> None:
        self.flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        super().sync(descriptor)

    def sync_folder(self, path: Path) -> None:
        self.flushed.append(f"{path.name}/")
        super().sync_folder(path)


@pytest.fixture
def files():
    return LocalFiles()


@pytest.fixture
def loose_mask():
    """A careless umask: what is private must be so by itself."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_opened_for_appending_is_created_private(files, tmp_path, loose_mask):
    files.close(files.open_append(tmp_path / "log"))
    assert mode_of(tmp_path / "log") == 0o600


def test_writing_appends_whoever_else_has_written(files, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"before ")
    descriptor = files.open_append(path)
    assert files.write(descriptor, b"ours ") == 5
    with path.open("ab") as other:
        other.write(b"theirs ")
    files.write(descriptor, b"again")
    files.close(descriptor)
    assert files.read(path) == b"before ours theirs again"


def test_a_file_is_stored_again_as_it_is_and_never_through_a_link(files, tmp_path):
    synced: list[bytes] = []

    class Watched(LocalFiles):
        def sync(self, descriptor):
            synced.append(os.pread(descriptor, 100, 0))

    path, link = tmp_path / "log", tmp_path / "link"
    path.write_bytes(b"what it holds")
    node = path.stat().st_ino
    Watched().store_again(path)
    assert (path.read_bytes(), path.stat().st_ino, synced) == (b"what it holds", node, [b"what it holds"])
    link.symlink_to(path)
    with pytest.raises(OSError):
        files.store_again(link)


def test_a_symbolic_link_is_never_opened(files, tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError) as caught:
        files.open_append(tmp_path / "log")
    assert caught.value.errno == errno.ELOOP


def test_an_open_file_is_not_handed_to_child_processes(files, tmp_path):
    descriptor = files.open_append(tmp_path / "log")
    assert not os.get_inheritable(descriptor)
    files.close(descriptor)


def test_a_closed_file_cannot_be_written(files, tmp_path):
    descriptor = files.open_append(tmp_path / "log")
    files.close(descriptor)
    with pytest.raises(OSError):
        files.write(descriptor, b"late")


def test_cutting_a_file_keeps_its_beginning(files, tmp_path):
    descriptor = files.open_append(tmp_path / "log")
    files.write(descriptor, b"keep me, not me")
    files.truncate(descriptor, 7)
    files.sync(descriptor)
    files.close(descriptor)
    assert files.read(tmp_path / "log") == b"keep me"


def test_an_open_file_and_its_path_have_the_same_facts(files, tmp_path):
    path = tmp_path / "log"
    descriptor = files.open_append(path)
    files.write(descriptor, b"12345")
    facts = files.facts(descriptor)
    files.close(descriptor)
    status = path.stat()
    assert facts == files.facts_at(path)
    assert (facts.device, facts.inode, facts.owner) == (status.st_dev, status.st_ino, os.geteuid())
    assert (facts.size, facts.links, facts.is_regular) == (5, 1, True)


def test_a_second_name_is_counted(files, tmp_path):
    (tmp_path / "log").write_bytes(b"")
    os.link(tmp_path / "log", tmp_path / "second")
    assert files.facts_at(tmp_path / "log").links == 2


def test_the_facts_of_a_link_are_its_own(files, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert not files.facts_at(tmp_path / "link").is_regular
    assert files.facts_at(tmp_path / "file").is_regular


def test_where_nothing_is_there_are_no_facts(files, tmp_path):
    assert files.facts_at(tmp_path / "nothing") is None


def test_a_new_folder_is_private_and_an_old_one_is_left_alone(files, tmp_path, loose_mask):
    files.make_folder(tmp_path / "outer" / "inner")
    assert mode_of(tmp_path / "outer" / "inner") == 0o700
    (tmp_path / "old").mkdir(mode=0o755)
    files.make_folder(tmp_path / "old")
    assert mode_of(tmp_path / "old") == 0o755


def test_the_parents_of_a_new_folder_are_private_too(files, tmp_path, loose_mask):
    files.make_folder(tmp_path / "outer" / "inner")
    assert mode_of(tmp_path / "outer") == 0o700


def test_a_folder_cannot_be_made_over_a_file(files, tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(FileExistsError):
        files.make_folder(tmp_path / "taken")


def test_a_new_file_is_private_and_whole(files, tmp_path, loose_mask):
    files.write_new(tmp_path / "new", b"content")
    assert files.read(tmp_path / "new") == b"content"
    assert mode_of(tmp_path / "new") == 0o600


@pytest.mark.parametrize("target", ["file", "link", "dangling link"])
def test_a_new_file_never_takes_the_place_of_another(files, tmp_path, target):
    path = tmp_path / "taken"
    if target == "file":
        path.write_bytes(b"theirs")
    else:
        (tmp_path / "victim").write_bytes(b"theirs") if target == "link" else None
        path.symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        files.write_new(path, b"ours")
    assert target == "dangling link" or path.read_bytes() == b"theirs"
    assert target != "dangling link" or not (tmp_path / "victim").exists()


def test_a_replaced_file_is_private_and_whole(files, tmp_path, loose_mask):
    path = tmp_path / "state"
    path.write_bytes(b"a longer text from before")
    path.chmod(0o666)
    files.replace(path, b"new")
    assert files.read(path) == b"new"
    assert mode_of(path) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["state"]


def test_replacing_through_a_link_replaces_the_link_and_not_the_victim(files, tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "state").symlink_to(tmp_path / "victim")
    files.replace(tmp_path / "state", b"new")
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert (tmp_path / "state").read_bytes() == b"new"


def test_what_a_crash_left_beside_a_file_does_not_stop_its_replacement(files, tmp_path):
    (tmp_path / ".state.new").write_bytes(b"half of an old")
    files.replace(tmp_path / "state", b"new")
    assert files.read(tmp_path / "state") == b"new"


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path):
    class FullDisk(LocalFiles):
        def sync(self, descriptor: Descriptor) -> None:
            raise OSError(errno.ENOSPC, "no space left")

    (tmp_path / "state").write_bytes(b"old")
    with pytest.raises(OSError):
        FullDisk().replace(tmp_path / "state", b"new")
    assert (tmp_path / "state").read_bytes() == b"old"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of descriptors come from /proc")
def test_content_is_flushed_before_the_name_and_the_name_before_the_answer(tmp_path):
    files = Watched()
    files.write_new(tmp_path / "new", b"content")
    assert files.flushed == ["new", f"{tmp_path.name}/"]
    files.flushed.clear()
    files.replace(tmp_path / "state", b"content")
    assert files.flushed == [".state.new", f"{tmp_path.name}/", f"{tmp_path.name}/"]


def test_a_folder_that_is_not_there_cannot_be_flushed(files, tmp_path):
    files.sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        files.sync_folder(tmp_path / "nothing")


def test_flushing_a_folder_leaves_no_descriptor_open(files, tmp_path):
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    files.sync_folder(tmp_path)
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before


def odd_files(folder: Path) -> list[Path]:
    (folder / "plain").write_bytes(b"12345")
    (folder / "plain").chmod(0o640)
    os.link(folder / "plain", folder / "second")
    (folder / "link").symlink_to("plain")
    (folder / "lost").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    (folder / "Größe \udcff").mkdir(mode=0o1755)
    return [*folder.iterdir(), Path("/dev/null"), Path("/")]


NO_STATX: tuple[Callable[[], Statx | None], ...] = (lambda: None, lambda: no_such_call)


def no_such_call(*_arguments: object) -> int:
    ctypes.set_errno(errno.ENOSYS)
    return -1


@pytest.mark.parametrize("statx", [found_statx, *NO_STATX], ids=["statx", "another system", "an old kernel"])
def test_a_file_is_described_alike_with_and_without_its_times(tmp_path, statx):
    for path in odd_files(tmp_path):
        status = path.lstat()
        facts = facts_without_times(str(path), statx=statx)
        assert (facts.device, facts.inode, facts.links, facts.size) == (
            status.st_dev, status.st_ino, status.st_nlink, status.st_size,
        )  # fmt: skip
        assert (facts.owner, facts.mode) == (status.st_uid, stat.S_IMODE(status.st_mode))
        assert facts.is_regular == stat.S_ISREG(status.st_mode)


@pytest.mark.parametrize("statx", [found_statx, *NO_STATX], ids=["statx", "another system", "an old kernel"])
def test_what_is_not_there_cannot_be_described(tmp_path, statx):
    with pytest.raises(FileNotFoundError):
        facts_without_times(str(tmp_path / "nothing"), statx=statx)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        facts_without_times(str(tmp_path / "file" / "below"), statx=statx)


@pytest.mark.skipif(sys.platform != "linux", reason="statx is a call of Linux")
def test_the_call_is_looked_for_where_it_may_be():
    assert found_statx() is not None
    assert found_statx("darwin") is None
    assert found_statx("linux", "no_such_call") is None
