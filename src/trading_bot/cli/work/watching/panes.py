"""The lists of the screen. A selection is the key of a row, so that it follows its row or ends with it."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from trading_bot.cli.render.columns import Column, fitted
from trading_bot.cli.render.view_rows import Row

_HEADINGS = 2
"""Lines above the first row: the title and the headings."""

_MOVES: tuple[BindingType, ...] = (
    Binding("up", "move(-1)", show=False),
    Binding("down", "move(1)", show=False),
    Binding("pageup", "turn(-1)", show=False),
    Binding("pagedown", "turn(1)", show=False),
    Binding("home", "go_to(0)", show=False),
    Binding("end", "go_to(-1)", show=False),
)


class Lines(Widget, can_focus=True):
    """A title over lines of which one is current, or none."""

    BINDINGS: ClassVar[list[BindingType]] = list(_MOVES)

    title = ""

    def action_move(self, by: int) -> None:
        """Go so many lines down; negative up."""
        raise NotImplementedError

    def action_turn(self, pages: int) -> None:
        """Go so many pages down; negative up."""
        self.action_move(pages * max(1, self.size.height - _HEADINGS))

    def action_go_to(self, place: int) -> None:
        """Go to the first line, or with -1 to the last."""
        self.action_move(-self.count if place == 0 else self.count)

    @property
    def count(self) -> int:
        """How many lines there are to go to."""
        raise NotImplementedError

    def title_line(self, first: int, last: int) -> Text:
        """Return the title, with the part that is shown where that is not all."""
        part = f"  [{first + 1}-{last} of {self.count}]" if (first, last) != (0, self.count) else ""
        line = Text(f"{self.title}{part}", style="bold reverse" if self.has_focus else "bold")
        line.truncate(self.size.width, overflow="ellipsis")
        return line


class RowsPane(Lines):
    """Rows under their headings; one of them may be selected."""

    def __init__(self, columns: Sequence[Column], *, id: str) -> None:  # noqa: A002 - textual's name
        super().__init__(id=id)
        self._columns = columns
        self._rows: tuple[Row, ...] = ()
        self._selected: str | None = None
        self._place = -1
        self._top = 0

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that were shown last."""
        return self._rows

    @property
    def selected(self) -> Row | None:
        """The selected row; None also once it is gone."""
        return next((row for row in self._rows if row.key == self._selected), None)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def show(self, title: str, rows: Sequence[Row]) -> None:
        """Show these rows; what was selected stays so wherever it is now, and is nothing once it is gone."""
        self.title, self._rows = title, tuple(rows)
        place = self._place_of(self._selected)
        if place is None:
            self._selected = None
        else:
            self._place = place
        self.refresh()

    def action_move(self, by: int) -> None:
        """Select the row so many lines down; negative up. Without a selection, go on from where it was."""
        if not self._rows:
            return
        start = self._place - (by > 0) if self._selected is None and self._place >= 0 else self._place
        self._place = min(max(start + by, 0), len(self._rows) - 1)
        self._selected = self._rows[self._place].key
        self.refresh()

    def _place_of(self, key: str | None) -> int | None:
        return next((place for place, row in enumerate(self._rows) if row.key == key), None)

    def render(self) -> Text:
        """Draw the rows around the selected one."""
        room = max(1, self.size.height - _HEADINGS)
        self._top = _scrolled(
            self._top, self._place if self._selected is not None else self._top, room=room, count=self.count
        )
        shown = self._rows[self._top : self._top + room]
        headings, lines = fitted(self._columns, [row.cells for row in self._rows], width=self.size.width)
        headings.stylize("dim")
        lines = lines[self._top : self._top + room]
        for row, line in zip(shown, lines, strict=True):
            if row.key == self._selected:
                line.stylize("reverse")
        drawn = [self.title_line(self._top, self._top + len(shown)), *([headings] if self._rows else []), *lines]
        return _drawn(drawn, self.size.width)


class EventsPane(Lines):
    """Lines of text, the newest at the bottom; each takes as many lines of the screen as it needs."""

    def __init__(self, *, id: str, limit: int) -> None:  # noqa: A002 - textual's name
        super().__init__(id=id)
        self.title = "EVENTS"
        self._limit = limit
        self._said: list[Text] = []
        self._back = 0

    @property
    def said(self) -> tuple[str, ...]:
        """All that is kept, oldest first."""
        return tuple(line.plain for line in self._said)

    @property
    def count(self) -> int:
        """How many lines of the screen all of it takes."""
        return len(self._wrapped())

    def say(self, line: Text) -> None:
        """Add one; the oldest goes once there are too many."""
        self._said = [*self._said[-self._limit + 1 :], line]
        self.refresh()

    def action_move(self, by: int) -> None:
        """Go so many lines towards the newest; negative back."""
        room = max(1, self.size.height - 1)
        self._back = min(max(self._back - by, 0), max(self.count - room, 0))
        self.refresh()

    def render(self) -> Text:
        """Draw the newest, or what was gone back to."""
        lines = self._wrapped()
        room = max(1, self.size.height - 1)
        self._back = min(self._back, max(len(lines) - room, 0))
        last = len(lines) - self._back
        first = max(0, last - room)
        return _drawn([self.title_line(first, last), *lines[first:last]], self.size.width)

    def _wrapped(self) -> list[Text]:
        width = max(1, self.size.width)
        return [part for said in self._said for part in said.wrap(self.app.console, width, overflow="fold")]


def _scrolled(top: int, place: int, *, room: int, count: int) -> int:
    top = min(max(top, place - room + 1), place)
    return min(max(top, 0), max(0, count - room))


def _drawn(lines: Sequence[Text], width: int) -> Text:
    for line in lines:
        line.truncate(max(1, width), overflow="ellipsis")
    drawn = Text("\n").join(lines)
    drawn.no_wrap = True
    return drawn
