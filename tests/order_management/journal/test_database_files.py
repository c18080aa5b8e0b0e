"""Where a database may stand, and whether its files are still the ones that were opened."""

from dataclasses import replace
from pathlib import Path

import pytest

from trading_bot.files import FileFacts, LocalFiles
from trading_bot.order_management.journal.database_files import DatabaseFiles, local_mounts, network_type

MOUNTS = r"""proc /proc proc rw 0 0
/dev/sda1 / ext4 rw,relatime 0 0
server:/export /shares nfs4 rw,vers=4.2 0 0
/dev/sdb1 /shares/local ext4 rw 0 0
//server/share /mnt/my\040share cifs rw 0 0
tmpfs /mnt/hidden tmpfs rw 0 0
me@server: /mnt/hidden fuse.sshfs rw 0 0

short
"""


class OthersFiles(LocalFiles):
    """Files as another user sees them; ``owner`` is whose everything is, as far as that can be told."""

    def __init__(self, *, user: int = 0, owner: int | None = None) -> None:
        self._user = user
        self._owner = owner

    def user(self) -> int:
        return self._user

    def facts_at(self, path: Path) -> FileFacts | None:
        facts = super().facts_at(path)
        return replace(facts, owner=self._owner) if facts and self._owner is not None else facts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"


def files_at(path: Path, *, mounts: str = "", files: LocalFiles | None = None) -> DatabaseFiles:
    return DatabaseFiles(path, files=files or LocalFiles(), mounts=lambda: mounts, kept_log_bytes=0)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/bot", None),
        ("/shares/bot", "nfs4"),
        ("/shares", "nfs4"),
        ("/sharesies", None),
        ("/shares/local/bot", None),
        ("/mnt/my share/bot", "cifs"),
        ("/mnt/hidden/bot", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_says_whether_a_folder_is_on_the_network(folder, kind):
    assert network_type(Path(folder), mounts=MOUNTS) == kind


NETWORK = (
    "afs beegfs ceph cifs coda davfs fuse.ceph fuse.davfs2 fuse.gcsfuse fuse.glusterfs fuse.juicefs fuse.mergerfs "
    "fuse.rclone fuse.s3fs fuse.sshfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs prl_fs pvfs2 smb3 smbfs "
    "vboxsf"
)


@pytest.mark.parametrize("kind", NETWORK.split())
def test_a_file_system_whose_locks_another_machine_or_program_keeps_is_a_network_one(kind: str):
    """As the kernel, or the program behind fuse, names it in the list of mounts."""
    assert network_type(Path("/shares/bot"), mounts=f"/dev/sda1 / ext4 rw 0 0\nthere /shares {kind} rw 0 0") == kind


@pytest.mark.parametrize("folder", ["/a b", "/a\tb", "/a\nb", "/a\\b"])
def test_a_place_that_the_kernel_writes_with_escapes_is_read_back(folder: str):
    place = folder.replace("\\", r"\134").replace(" ", r"\040").replace("\t", r"\011").replace("\n", r"\012")
    assert network_type(Path(folder) / "bot", mounts=f"there {place} nfs rw 0 0") == "nfs"


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="this system has no list of mounts there")
def test_the_list_that_is_read_is_that_of_this_process():
    assert " / " in local_mounts()


def test_without_a_list_of_mounts_no_folder_is_known_to_be_on_the_network():
    assert network_type(Path("/shares/bot"), mounts="") is None


def test_the_kernels_own_list_is_read_where_there_is_one(tmp_path):
    listed = tmp_path / "mounts"
    listed.write_bytes(b"server:/x /\xff nfs rw 0 0\n")
    assert "nfs" in local_mounts(listed)
    assert local_mounts(tmp_path / "none") == ""


def test_a_network_folder_is_refused_with_what_to_do(path):
    with pytest.raises(OSError, match=r"network file system \(nfs\).*use a folder on a disk of this machine"):
        files_at(path, mounts="server:/x / nfs rw 0 0").prepare()
    assert not path.exists()


def test_a_new_database_file_is_private_and_empty(path):
    files_at(path).prepare()
    facts = LocalFiles().facts_at(path)
    assert facts is not None
    assert (facts.mode, facts.size) == (0o600, 0)


def test_what_is_there_is_left_alone(path):
    path.parent.mkdir()
    path.write_bytes(b"content" * 100)
    path.chmod(0o600)
    files_at(path).prepare()
    assert path.read_bytes() == b"content" * 100


def test_a_folder_that_others_may_write_is_refused_with_the_command(path):
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(OSError, match=f"run 'chmod go-w {path.parent}'"):
        files_at(path).prepare()
    path.parent.chmod(0o1777)
    files_at(path).prepare()


def test_a_folder_of_another_user_is_refused(path):
    with pytest.raises(OSError, match=r"its folder .* belongs to another user"):
        files_at(path, files=OthersFiles(user=1, owner=2)).prepare()


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_link_in_place_of_a_file_is_refused(path, end):
    path.parent.mkdir()
    (path.parent / "elsewhere").touch(mode=0o600)
    path.with_name(path.name + end).symlink_to("elsewhere")
    with pytest.raises(OSError, match="is not a plain file with one name"):
        files_at(path).prepare()


def test_a_file_that_others_may_write_is_refused(path):
    files_at(path).prepare()
    path.chmod(0o620)
    with pytest.raises(OSError, match="others may write it"):
        files_at(path).prepare()


def test_a_file_of_another_user_is_refused(path):
    files_at(path).prepare()
    with pytest.raises(OSError, match="belongs to another user"):
        files_at(path, files=OthersFiles(user=1, owner=0)).prepare()


def test_files_that_are_not_all_there_are_not_noted(path):
    place = files_at(path)
    place.prepare()
    with pytest.raises(OSError, match="being deleted by another program"):
        place.note()


def test_files_in_place_stay_in_place(path):
    place = files_at(path)
    place.prepare()
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).touch(mode=0o600)
    place.note()
    assert place.is_in_place()
    path.with_name(f"{path.name}-wal").write_bytes(b"longer")
    assert place.is_in_place()
    assert place.log_bytes == 6
    path.with_name(f"{path.name}-wal").unlink()
    assert not place.is_in_place()
    assert place.log_bytes == 0


def noted_files(path: Path, *, kept_log_bytes: int) -> DatabaseFiles:
    """A database of 100 bytes and a log of 50, both in use."""
    place = DatabaseFiles(path, files=LocalFiles(), mounts=lambda: "", kept_log_bytes=kept_log_bytes)
    place.prepare()
    for end, size in (("", 100), ("-wal", 50), ("-shm", 0)):
        path.with_name(path.name + end).touch(mode=0o600)
        path.with_name(path.name + end).write_bytes(bytes(size))
    place.note()
    return place


@pytest.mark.parametrize(("end", "size"), [("", 99), ("-wal", 39)])
def test_a_file_that_was_cut_is_not_in_place(path, end, size):
    place = noted_files(path, kept_log_bytes=40)
    path.with_name(path.name + end).write_bytes(bytes(size))
    with pytest.raises(OSError, match="was cut while it was in use"):
        place.check()


def test_a_file_is_measured_by_how_long_it_was_at_the_last_check(path):
    place = noted_files(path, kept_log_bytes=40)
    path.write_bytes(bytes(200))
    place.check()
    path.write_bytes(bytes(199))
    assert not place.is_in_place()


def test_sqlite_itself_may_shorten_the_log_down_to_what_it_keeps(path):
    place = noted_files(path, kept_log_bytes=40)
    path.with_name(f"{path.name}-wal").write_bytes(bytes(40))
    assert place.is_in_place()


@pytest.mark.parametrize(("size", "log"), [(0, 1), (1, 0), (511, 1000)])
def test_a_database_that_was_cut_to_nothing_is_refused(path, size, log):
    path.parent.mkdir()
    for end, length in (("", size), ("-wal", log)):
        path.with_name(path.name + end).touch(mode=0o600)
        path.with_name(path.name + end).write_bytes(bytes(length))
    with pytest.raises(OSError, match=f"was cut to {size} bytes; .* restore the journal from a backup"):
        files_at(path).prepare()
