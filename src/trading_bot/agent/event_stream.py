"""Server-sent events, as far as an answer by JSON-RPC needs them."""

import re
from collections.abc import Iterator

_EVENT_END = re.compile(rb"(?:\n|\r\n|\r(?!\n))(?:\r\n|\n|\r)")
"""Two ends of a line. It begins with plain bytes, so that a search need not try it at each byte of a long line."""

_BEFORE_END = 3
"""So many bytes of an event's end may have come with the piece before."""


class EventReader:
    """Takes a stream apart as it arrives."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def events_in(self, piece: bytes) -> Iterator[bytes]:
        """Return the data of each event that this piece completes."""
        searched = max(len(self._rest) - _BEFORE_END, 0)
        self._rest += piece
        begun = 0
        for end in _EVENT_END.finditer(self._rest, searched):
            yield from _data_of(bytes(self._rest[begun : end.start()]))
            begun = end.end()
        del self._rest[:begun]

    def last(self) -> Iterator[bytes]:
        """Return the data of an event that the stream's end left without its empty line."""
        yield from _data_of(bytes(self._rest))


def events_of(body: bytes) -> Iterator[bytes]:
    """Return the data of each event of a whole stream."""
    reader = EventReader()
    yield from reader.events_in(body)
    yield from reader.last()


def _data_of(event: bytes) -> Iterator[bytes]:
    # A comment or a field without data says nothing to us.
    lines = (line.partition(b":") for line in event.removeprefix(b"\xef\xbb\xbf").splitlines())
    data = [value.removeprefix(b" ") for name, _, value in lines if name == b"data"]
    if data:
        yield b"\n".join(data)
