"""Whatever a terminal does with it, writing has no effect on the kill."""

import io
import os
import sys
from pathlib import Path

import pytest

from trading_bot.cli.work.kill.terminal import KillTerminal


class Broken(io.StringIO):
    """A stream that takes nothing."""

    def write(self, _text: str) -> int:
        raise OSError("no")


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def said(*lines: str, answers: bool = True) -> None:
    terminal = KillTerminal()
    for line in lines:
        (terminal.answer if answers else terminal.say)(line)
    terminal.close()


def test_answers_go_to_stdout_and_the_rest_to_stderr(monkeypatch):
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    terminal = KillTerminal()
    terminal.say("working \x1b[2J")
    terminal.answer("done\nand more")
    terminal.answer_json('{"a": "\\u00e9"}')
    terminal.close()
    assert out.getvalue() == 'done and more\n{"a": "\\u00e9"}\n'
    assert err.getvalue() == "working [2J\n"


@pytest.mark.parametrize("stream", [None, Broken()], ids=["closed before the start", "broken"])
def test_an_answer_that_cannot_be_written_goes_to_stderr(monkeypatch, stream):
    err = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", err)
    said("the verdict")
    assert err.getvalue() == "the verdict\n"


def test_an_answer_is_not_lost_in_what_stands_for_a_closed_stream(monkeypatch):
    err = io.StringIO()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        monkeypatch.setattr(sys, "stderr", err)
        said("the verdict")
    assert err.getvalue() == "the verdict\n"


def test_where_nothing_can_be_written_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", Broken())
    said("the verdict")
    said("progress", answers=False)


def test_a_reader_that_went_away_ends_nothing(monkeypatch, pipe):
    reader, writer = pipe
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as out:
        err = io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        said("the verdict")
    assert err.getvalue() == "the verdict\n"


def test_what_the_streams_encoding_lacks_is_escaped(monkeypatch, pipe):
    reader, writer = pipe
    with os.fdopen(writer, "w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        said("Zürich")
    assert os.read(reader, 100) == b"Z\\xfcrich\n"


def test_a_pipe_that_takes_no_more_for_now_is_waited_for(monkeypatch, pipe):
    reader, writer = pipe
    os.set_blocking(writer, False)
    text = "x" * 90_000  # more than a pipe holds
    with os.fdopen(writer, "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        terminal = KillTerminal()
        terminal.answer(text)
        got = b""
        while not got.endswith(b"\n"):
            got += os.read(reader, 100_000)
        terminal.close()
    assert got == f"{text}\n".encode()


def test_whoever_waits_for_a_reader_that_has_stopped_may_be_interrupted(monkeypatch, pipe):
    reader, writer = pipe
    asked: list[int] = []

    def is_interrupted() -> bool:
        asked.append(1)
        return len(asked) > 1

    with os.fdopen(writer, "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        terminal = KillTerminal()
        terminal.answer("x" * 90_000)  # more than a pipe takes
        terminal.close(is_interrupted)
        assert len(asked) == 2
        os.set_blocking(reader, True)
        while os.read(reader, 65536).endswith(b"x"):
            continue
        terminal.close()
