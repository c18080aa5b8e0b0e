"""Output that nobody takes: the command goes on to its own end and its own exit code."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tests.support.command_line import child_environment, run_cli
from trading_bot.cli.streams import SteadyRaw, SteadyStreams, reader_is_gone


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


@pytest.mark.subprocess
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
        ["cancel-all", "--yes"],
    ],
    ids=" ".join,
)
def test_a_reader_who_has_read_enough_is_no_failure(tmp_path, command):
    assert run_cli(BUY, home=tmp_path).returncode == 0
    done = with_reader_gone(tmp_path, *command)
    said = [line for line in done.stderr.splitlines() if "this is what was on record" not in line]
    assert (done.returncode, any("trading-bot:" in line for line in said)) == (0, False)


@pytest.mark.subprocess
def test_a_refusal_keeps_its_exit_code_when_nobody_reads_the_output(tmp_path):
    with_reader_gone(tmp_path, *BUY)
    done = with_reader_gone(tmp_path, *BUY)
    assert done.returncode == 5
    assert "already stands for this" in done.stderr


@pytest.mark.subprocess
@pytest.mark.parametrize("closed", [">&-", "2>&-", "2>/dev/full", ">&- 2>&-"])
def test_a_stream_that_is_closed_or_full_keeps_no_order_from_its_end(tmp_path, closed):
    command = f"exec {sys.executable} -m trading_bot {' '.join(BUY)} {closed}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, env=child_environment(tmp_path), timeout=60, check=False
    )
    assert done.returncode == 0
    assert '"first"' in run_cli(["--json", "orders"], home=tmp_path).stdout


@contextmanager
def own_streams(*, closed: bool = False, **descriptors: int) -> Iterator[SteadyStreams]:
    """Put steady streams in the place of this process's, and give those back."""
    before = sys.stdout, sys.stderr
    if closed:
        sys.stdout, sys.stderr = None, None  # as Python has it after `>&-`
    streams = SteadyStreams(**descriptors)
    try:
        yield streams
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.close()
        sys.stdout, sys.stderr = before


def test_a_reader_who_goes_away_loses_nothing_and_can_be_told():
    reading, writing = os.pipe()
    with own_streams(out=writing) as streams:
        click.echo("first")
        assert (streams.lost_output(), reader_is_gone()) == (None, False)
        assert os.read(reading, 100) == b"first\n"
        os.close(reading)
        click.echo("second")
        assert (streams.lost_output(), reader_is_gone()) == (None, True)
        click.echo("third")
    os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_what_a_full_disk_took_is_lost():
    full, also = os.open("/dev/full", os.O_WRONLY), os.open("/dev/full", os.O_WRONLY)
    with own_streams(out=full, err=also) as streams:
        click.echo("said", err=True)
        assert streams.lost_output() is None
        click.echo("data")
        assert streams.lost_output() == "No space left on device"
        click.echo("more data")
    os.close(full)
    os.close(also)


def test_a_stream_that_was_closed_takes_everything():
    with own_streams(closed=True) as streams:
        click.echo("data")
        click.echo("said", err=True)
        assert (streams.lost_output(), reader_is_gone()) == (None, False)


def test_whether_somebody_still_reads_can_be_told_without_writing():
    reading, writing = os.pipe()
    raw = SteadyRaw(writing)
    assert not raw.is_left()
    os.close(reading)
    assert raw.is_left()
    raw.write(b"x")
    assert (raw.is_left(), type(raw.problem)) == (True, BrokenPipeError)
    os.close(writing)
