"""Server-sent events: what is an event, wherever the pieces of its stream are cut."""

import pytest

from trading_bot.agent.event_stream import EventReader, events_of


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_ends_with_an_empty_line_of_any_kind(end):
    assert list(events_of(end.join((b"event: message", b"id: 7", b"data: one", b"", b"data: two", b"", b"")))) == [
        b"one",
        b"two",
    ]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data\n\n", [b""]),
        (b": comment\n\nretry: 5\n\n", []),
        (b"\n\n\n\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b'data: {"a": ":"}\n\n', [b'{"a": ":"}']),
        (b"data: a", [b"a"]),
        (b"", []),
    ],
)
def test_what_an_event_holds(stream, events):
    assert list(events_of(stream)) == events


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_an_event_is_the_same_wherever_its_stream_is_cut(end):
    stream = b": ping" + end + b"event: message\ndata: one" + end + b"data: two" + end
    for cut in range(len(stream)):
        reader = EventReader()
        found = [*reader.events_in(stream[:cut]), *reader.events_in(stream[cut:])]
        assert found == [b"one", b"two"]


def test_an_event_is_known_as_soon_as_its_empty_line_is_there():
    reader = EventReader()
    assert list(reader.events_in(b"data: one\n")) == []
    assert list(reader.events_in(b"\ndata: tw")) == [b"one"]
    assert list(reader.last()) == [b"tw"]


def test_a_long_event_in_many_pieces_takes_little_time():
    reader = EventReader()
    for _ in range(20_000):
        assert list(reader.events_in(b"data: " + b"x" * 60 + b"\n")) == []
    assert len(next(reader.events_in(b"\n"))) > 1_000_000
