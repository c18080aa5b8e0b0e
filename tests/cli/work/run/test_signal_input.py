import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.work.run.signal_input import LineSplitter, is_fifo, lines_of, no_lines, open_fifo, open_signals
from trading_bot.clock import VirtualClock
from trading_bot.signals import MAX_LINE_BYTES, SignalLine


def split(*chunks: bytes) -> list[SignalLine]:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.finish()]


@given(text=st.binary(max_size=200), cut=st.integers(0, 200))
def test_where_a_chunk_ends_changes_nothing(text, cut):
    assert split(text[:cut], text[cut:]) == split(text)


def test_lines_are_numbered_from_one_blank_ones_included():
    assert [(line.number, line.data) for line in split(b"a\n\nb\n")] == [(1, b"a"), (2, b""), (3, b"b")]


def test_a_last_line_without_an_end_counts():
    assert [line.data for line in split(b"a\nb")] == [b"a", b"b"]


@pytest.mark.parametrize("whole", [True, False])
def test_an_oversized_line_comes_without_its_text_and_the_next_one_is_whole(whole):
    text = b"x" * (MAX_LINE_BYTES + 1) + b"\nnext\n"
    chunks = [text] if whole else [text[start : start + 1000] for start in range(0, len(text), 1000)]
    assert [(line.number, line.data, line.oversized) for line in split(*chunks)] == [
        (1, b"", True),
        (2, b"next", False),
    ]


def test_an_endless_line_is_not_kept_in_memory():
    splitter = LineSplitter()
    for _ in range(10):
        assert list(splitter.feed(b"x" * MAX_LINE_BYTES)) == []
    assert len(splitter._rest) <= MAX_LINE_BYTES
    assert [line.oversized for line in splitter.finish()] == [True]


def test_the_longest_allowed_line_is_taken():
    (line,) = split(b"x" * MAX_LINE_BYTES + b"\n")
    assert (len(line.data), line.oversized) == (MAX_LINE_BYTES, False)


def test_a_run_without_signals_looks_at_its_orders_every_quarter_second():
    clock = VirtualClock(datetime(2026, 11, 23, 15, tzinfo=UTC))
    lines = no_lines(clock)
    assert [next(lines) for _ in range(4)] == [None] * 4
    assert clock.monotonic() == 1.0


def test_a_silent_pipe_says_that_nothing_has_come_yet():
    """So a stop is noticed while a strategy has nothing to say."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as stream:
        lines = lines_of(stream, idle_s=0)
        assert next(lines) is None
        os.write(writing, b"one\n")
        assert next(lines) == SignalLine(number=1, data=b"one")
        os.close(writing)
        assert list(lines) == []


def test_a_file_is_read_to_its_end(tmp_path: Path):
    path = tmp_path / "signals.jsonl"
    path.write_bytes(b"one\ntwo")
    with open_signals(str(path)) as stream:
        assert [line and line.data for line in lines_of(stream)] == [b"one", b"two"]


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_what_cannot_be_read_is_a_usage_error_that_says_what_to_give(tmp_path: Path, name):
    with (
        pytest.raises(CommandError, match="give --signals the path of a readable file") as caught,
        open_signals(str(tmp_path / name)),
    ):
        pass
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_closed_stdin_is_a_usage_error_too(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CommandError, match="stdin is closed") as caught, open_signals("-"):
        pass
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_fifo_is_made_private_and_outlasts_each_of_its_writers(tmp_path):
    path = tmp_path / "signals"
    with open_fifo(path) as stream:
        assert path.stat().st_mode & 0o777 == 0o600
        lines = lines_of(stream, idle_s=0.01)
        assert next(lines) is None
        for number, text in enumerate((b"one", b"two"), start=1):
            with path.open("wb") as writer:
                writer.write(text + b"\n")
            assert next(lines) == SignalLine(number=number, data=text)
            assert next(lines) is None


def test_a_fifo_that_any_user_may_write_to_is_refused(tmp_path):
    path = tmp_path / "signals"
    os.mkfifo(path)
    path.chmod(0o622)
    with pytest.raises(CommandError, match="chmod o-w") as refused, open_fifo(path):
        pass
    assert refused.value.exit_code == ExitCode.USAGE


def test_a_fifo_that_cannot_be_made_is_one_readable_line(tmp_path):
    with pytest.raises(CommandError, match="cannot read the signals file"), open_fifo(tmp_path / "no" / "signals"):
        pass


def test_what_goes_wrong_with_the_lines_of_a_fifo_is_not_taken_for_its_own(tmp_path):
    with pytest.raises(OSError, match="elsewhere"), open_fifo(tmp_path / "signals"):
        raise OSError("elsewhere")


def test_a_fifo_is_what_is_one_or_is_not_there_yet(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    assert [is_fifo(str(tmp_path / name)) for name in ("file", "fifo", "new")] == [False, True, True]
    assert not is_fifo("-")


def test_another_reader_who_was_quicker_is_no_end():
    class Shared:
        def __init__(self) -> None:
            self.parts = [None, b"a\n", b""]
            self.reading, self.writing = os.pipe()
            os.write(self.writing, b"something to select")

        def fileno(self) -> int:
            return self.reading

        def read(self, size: int = -1, /) -> bytes | None:
            return self.parts.pop(0)

    shared = Shared()
    assert [line.data for line in lines_of(shared) if line] == [b"a"]
    os.close(shared.reading)
    os.close(shared.writing)
