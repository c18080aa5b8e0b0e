"""Output that nobody takes: the command goes on to its own end and its own exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import child_environment, run_cli
from trading_bot.cli.streams import SteadyRaw

pytestmark = pytest.mark.subprocess


def with_reader_gone(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with a pipe for stdout that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-m", "trading_bot", *arguments],
            cwd=home,
            env=child_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)


BUY = ["buy", "AAPL", "1", "--reference-price", "100", "--client-order-id", "first"]


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["orders", "--all"],
        ["--json", "orders", "--all"],
        ["audit", "tail"],
        ["audit", "tail", "--follow"],
        ["config", "show"],
        ["doctor"],
        ["demo"],
        ["cancel-all", "--yes"],
    ],
    ids=" ".join,
)
def test_a_reader_who_has_read_enough_is_no_failure(tmp_path, command):
    assert run_cli(BUY, home=tmp_path).returncode == 0
    done = with_reader_gone(tmp_path, *command)
    assert (done.returncode, "trading-bot:" in done.stderr) == (0, False)


def test_a_refusal_keeps_its_exit_code_when_nobody_reads_the_output(tmp_path):
    with_reader_gone(tmp_path, *BUY)
    done = with_reader_gone(tmp_path, *BUY)
    assert done.returncode == 5
    assert "already stands for this" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "2>/dev/full", ">&- 2>&-"])
def test_a_stream_that_is_closed_or_full_keeps_no_order_from_its_end(tmp_path, closed):
    command = f"exec {sys.executable} -m trading_bot {' '.join(BUY)} {closed}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, env=child_environment(tmp_path), timeout=60, check=False
    )
    assert done.returncode == 0
    assert '"first"' in run_cli(["--json", "orders"], home=tmp_path).stdout


def test_whether_somebody_still_reads_can_be_told_without_writing():
    reading, writing = os.pipe()
    raw = SteadyRaw(writing)
    assert not raw.is_left()
    os.close(reading)
    assert raw.is_left()
    raw.write(b"x")
    assert (raw.is_left(), type(raw.problem)) == (True, BrokenPipeError)
    os.close(writing)
