"""A file of this machine that cannot be used has an exit code of its own: nothing is unknown, nobody has to log in."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import child_environment, run_cli
from tests.support.order_story import intended
from tests.support.stored_journal import StoredJournal

BUY = ["buy", "AAPL", "1", "--reference-price", "100"]


def on_a_full_disk(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line where no file can grow."""
    return subprocess.run(
        [sys.executable, "-m", "trading_bot", *arguments],
        cwd=home,
        env=child_environment(home),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )


@pytest.mark.subprocess
@pytest.mark.parametrize(
    "command", [BUY, ["cancel-all", "--yes"], ["sync"], ["arm", "--confirm", "PAPER"]], ids=lambda each: each[0]
)
@pytest.mark.parametrize("known", [True, False], ids=["an account of yesterday", "a new account"])
def test_a_full_disk_is_storage_trouble_for_every_command(tmp_path, command, known):
    if known:
        assert run_cli(BUY, home=tmp_path).returncode == 0
    done = on_a_full_disk(tmp_path, *command)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (11, "", 1)


@pytest.mark.subprocess
@pytest.mark.parametrize("command", ["orders", "positions", "frozen"])
def test_a_look_writes_nothing_so_that_a_full_disk_does_not_matter(tmp_path, command):
    StoredJournal.of_paper_account(tmp_path).tell(intended("first")).close()
    config = '{"logs_dir": "logs", "state_dir": "state"}'
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    done = on_a_full_disk(tmp_path, command)
    assert done.returncode == 0
    assert "this is what was on record" in done.stderr


@pytest.mark.subprocess
def test_a_missing_quotes_file_is_a_setting_to_correct(tmp_path):
    (tmp_path / "config.json").write_text('{"paper": {"quotes_file": "nowhere.jsonl"}}', encoding="utf-8")
    done = run_cli(BUY, home=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"trading-bot: paper.quotes_file {tmp_path}/nowhere.jsonl cannot be read (No such file or directory); "
        "correct its name or remove it\n"
    )


@pytest.mark.subprocess
def test_a_quotes_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "quotes.jsonl").write_bytes(b"\xff\xfe")
    (tmp_path / "config.json").write_text('{"paper": {"quotes_file": "quotes.jsonl"}}', encoding="utf-8")
    done = run_cli(BUY, home=tmp_path)
    assert done.returncode == 2
    assert "not UTF-8 text; save it as UTF-8" in done.stderr
