"""The app: what was seen last above, the lists below it, one line for what was just done, and the keys."""

import enum
from collections.abc import Callable, Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.filter import Monochrome
from textual.message import Message
from textual.widgets import Static

from trading_bot.cli.render.event_text import event_line
from trading_bot.cli.render.text import exchange_time, printable
from trading_bot.cli.render.view_rows import (
    BAD,
    ORDER_COLUMNS,
    POSITION_COLUMNS,
    Row,
    detail_lines,
    heights,
    order_rows,
    orders_title,
    position_rows,
    positions_title,
)
from trading_bot.cli.render.view_text import age_text, mode_text, money_line, notes
from trading_bot.cli.work.watching.bot_link import (
    CancelEnded,
    EventsBegin,
    EventsEnd,
    EventTold,
    Link,
    News,
    NotAnswered,
    Seen,
)
from trading_bot.cli.work.watching.panes import EventsPane, RowsPane
from trading_bot.cli.work.watching.questions import CancelQuestion, KillQuestion, Notice
from trading_bot.clock import Clock, Seconds

EVENTS_KEPT = 500
"""Lines of events that can be gone back to."""

_TICK_S: Seconds = 0.5
_MOST_NOTES = 5
_NARROW = 70
_HIGH = 24
"""Lines of a screen on which what stops entries may take two."""
_KEYS = "arrows select  Tab next list  Enter details  c cancel  K kill  ? help  q quit"
_FEW_KEYS = "arrows  Tab  Enter  c cancel  K kill  ? help  q quit"

_HELP = (
    "arrows, PageUp, PageDown, Home, End    select a line of the list",
    "Tab      go to the next list",
    "Enter    all that is known of the selected order or position",
    "c        cancel the selected order of ours; asks first, by its id",
    "K        kill: stop trading, cancel all orders of ours; asks first",
    "q        leave; the bot goes on",
    "",
    "The age at the top right counts from when the bot was asked for",
    "what you see. It turns red when the bot does not answer. What the",
    "bot has not read of the broker for a while is named above the",
    "lists, with its age.",
    "",
    "Orders from 'elsewhere' were not placed by this bot. Cancel them",
    "where they were placed, or with",
    "'trading-bot cancel-all --include-external'.",
)


class Ending(enum.Enum):
    """How the screen was left."""

    LEFT = "left"
    INTERRUPTED = "interrupted"
    KILL = "kill"
    """A kill was confirmed, and the armed file is gone."""


class _Told(Message):
    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class WatchApp(App[Ending]):
    """Shows what ``link`` tells. ``switch_off`` takes the account's armed file away, and is called before a kill.

    ``should_stop`` says whether a signal asked for an end.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { overflow: hidden; }
    #header { height: auto; max-height: 7; }
    #box { width: 90%; max-width: 100; height: auto; max-height: 95%; border: solid $foreground; padding: 0 1; }
    #typed { width: 90%; max-width: 100; }
    ModalScreen { align: center middle; }
    #orders, #positions, #events { width: 100%; height: 3; }
    #done, #keys { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("c", "cancel_order", show=False),
        Binding("K", "kill", show=False),
        Binding("question_mark", "help", show=False),
        Binding("enter", "details", show=False),
    ]

    def __init__(
        self,
        first: Seen,
        *,
        account: str,
        link: Link,
        zone: ZoneInfo,
        clock: Clock,
        switch_off: Callable[[], object],
        should_stop: Callable[[], bool],
        no_color: bool = False,
    ) -> None:
        super().__init__()
        self._seen = first
        self._problem: str | None = None
        self._account = account
        self._link = link
        self._zone = zone
        self._clock = clock
        self._switch_off = switch_off
        self._should_stop = should_stop
        if no_color and not self.no_color:
            self.no_color = True
            self._filters.append(Monochrome())
        self.done_text = Text()
        self.orders = RowsPane(ORDER_COLUMNS, id="orders")
        self.positions = RowsPane(POSITION_COLUMNS, id="positions")
        self.events = EventsPane(id="events", limit=EVENTS_KEPT)
        self._header, self._done, self._keys = Static(id="header"), Static(id="done"), Static(id="keys")

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield from (self._header, self.orders, self.positions, self.events, self._done, self._keys)

    def on_mount(self) -> None:
        """Show what was seen first, and begin to ask for more."""
        self._show()
        self.orders.focus()
        self.set_interval(_TICK_S, self._tick)
        self._link.begin(lambda news: self.post_message(_Told(news)))

    def on_resize(self, _event: Resize) -> None:
        """Divide the new room."""
        self.call_after_refresh(self._show)

    @property
    def header_lines(self) -> tuple[Text, ...]:
        """What stands above the lists."""
        view, width = self._seen.view, self.size.width
        left = Text.assemble(mode_text(view), f"  account ...{self._account}")
        age = age_text(max(0.0, self._clock.monotonic() - self._seen.asked_at))
        first = Text.assemble(left, " " * max(1, width - len(left.plain) - len(age.plain)), age)
        most = 2 if self.size.height >= _HIGH else 1
        said = [part for note in (*self._silence(), *notes(view)) for part in self._wrapped(note, most)]
        money = money_line(view)
        money.truncate(width, overflow="ellipsis")
        return first, money, *said[:_MOST_NOTES]

    def _wrapped(self, note: Text, most: int) -> list[Text]:
        width = max(1, self.size.width)
        lines = list(note.wrap(self.console, width))
        if len(lines) > most:
            # All that follows goes into the last line, whose end says that there is more.
            rest = Text(" ").join(lines[most - 1 :])
            rest.truncate(width, overflow="ellipsis")
            lines[most - 1 :] = [rest]
        return lines

    def _silence(self) -> tuple[Text, ...]:
        if self._problem is None:
            return ()
        said = f"THE BOT DOES NOT ANSWER ({self._problem}); what stands below is old"
        return (Text(printable(said), style=BAD),)

    def _tick(self) -> None:
        if self._should_stop():
            self._leave(Ending.INTERRUPTED)
        self._show_header()

    def _show(self) -> None:
        view = self._seen.view
        orders, positions = order_rows(view, self._zone), position_rows(view)
        self.orders.show(orders_title(view), orders)
        self.positions.show(positions_title(view), positions)
        self._show_header()
        self._keys.update(Text(_KEYS if self.size.width > _NARROW else _FEW_KEYS, style="dim"))
        room = self.size.height - len(self.header_lines) - 2
        panes = (self.orders, self.positions, self.events)
        for pane, height in zip(panes, heights(room, orders=orders, positions=positions), strict=True):
            pane.styles.height = height

    def _show_header(self) -> None:
        self._header.update(_unwrapped(self.header_lines))

    def on__told(self, told: _Told) -> None:
        """Take news of the bot."""
        match told.news:
            case Seen() as seen:
                self._seen, self._problem = seen, None
                self._show()
            case NotAnswered(problem=problem):
                self._problem = problem
                self._show()
            case EventTold(event=event):
                self.events.say(Text(event_line(event, self._zone)))
            case EventsBegin():
                self._note_event("events from here on")
            case EventsEnd(problem=problem):
                self._note_event(f"no events any more: {problem}")
            case CancelEnded(said=said):
                self.done(said)

    def _note_event(self, said: str) -> None:
        now = exchange_time(self._clock.now(), self._zone)
        self.events.say(Text(f"{now}  -- {printable(said)}", style="dim"))

    def done(self, said: str) -> None:
        """Say in the line above the keys what was done."""
        self.done_text = Text(printable(said), style="bold")
        self._done.update(self.done_text)

    def action_leave(self) -> None:
        """Leave; the bot goes on."""
        self._leave(Ending.LEFT)

    def action_interrupt(self) -> None:
        """Leave as by a signal."""
        self._leave(Ending.INTERRUPTED)

    def _leave(self, ending: Ending) -> None:
        self._link.end()
        self.exit(ending)

    def action_help(self) -> None:
        """Explain the keys and the age."""
        self.push_screen(Notice([Text(line) for line in _HELP]))

    def action_details(self) -> None:
        """Show all that is known of the selected row."""
        row = self.focused.selected if isinstance(self.focused, RowsPane) else None
        if row is not None:
            self.push_screen(Notice([Text(line) for line in detail_lines(row.facts)]))

    def action_cancel_order(self) -> None:
        """Ask whether to cancel the selected order."""
        row = self.orders.selected if self.focused is self.orders else None
        if row is None:
            self.done("choose an order first: Tab to the orders, then the arrow keys")
            return
        order_id = row.facts.get("client_order_id")
        if not isinstance(order_id, str):
            self.done("that order was not placed by this bot: cancel it where it was placed")
            return
        self.push_screen(CancelQuestion(_cancel_lines(row, order_id)), lambda yes: self._cancel(order_id, yes=yes))

    def _cancel(self, order_id: str, *, yes: bool | None) -> None:
        if not yes:
            self.done(f"{order_id} was not cancelled, as you answered")
        elif self._link.cancel(order_id):
            self.done(f"cancelling {order_id} ...")
        else:
            self.done(f"{order_id} is being cancelled already")

    def action_kill(self) -> None:
        """Ask whether to kill."""
        lines = (
            Text("KILL: stop trading and cancel every order of ours", style=BAD),
            Text.assemble(mode_text(self._seen.view), f"  account ...{self._account}"),
            Text(
                "Shares stay held. The account stays killed until 'trading-bot arm'. This screen closes, and the kill "
                "tells its verdict. It works whether the bot answers or not."
            ),
        )
        self.push_screen(KillQuestion(lines), self._kill)

    def _kill(self, yes: bool | None) -> None:
        if not yes:
            self.done("nothing was killed, as you answered")
            return
        # Before the screen is closed: a terminal that hangs must not keep trading on.
        self._switch_off()
        self._leave(Ending.KILL)


def _unwrapped(lines: Sequence[Text]) -> Text:
    whole = Text("\n").join(lines)
    whole.no_wrap = True
    return whole


def _cancel_lines(row: Row, order_id: str) -> tuple[Text, ...]:
    facts = row.facts
    stop = f"stop {facts['stop_price']} " if facts.get("stop_price") else ""
    named = f"{facts.get('side')} {facts.get('quantity')} {facts.get('symbol')} {stop}limit {facts.get('limit_price')}"
    return (
        Text("Cancel this order?", style="bold"),
        Text(printable(f"{named}, {facts.get('filled_quantity')} filled")),
        Text(printable(f"order id {order_id}")),
        Text(printable(f"broker's order id {facts.get('order_id') or 'not known yet'}")),
        Text("y cancels it, n or Escape leaves it", style="bold"),
    )
