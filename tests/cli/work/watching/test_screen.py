"""The live view by its keys: what is selected, what was sent and what is said; see `watching` for the promises."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from rich.text import Text
from textual.pilot import Pilot

from tests.support.paper_market import MONDAY
from tests.support.told_events import FILLED
from tests.support.watched_view import POSITION, QuietLink, order, seen
from trading_bot.cli.work.watching.bot_link import CancelEnded, EventsBegin, EventsEnd, EventTold, NotAnswered, Seen
from trading_bot.cli.work.watching.questions import CancelQuestion, KillQuestion, Notice
from trading_bot.cli.work.watching.screen import Ending, WatchApp
from trading_bot.clock import VirtualClock
from trading_bot.event_json import event_json

SIZES = [(80, 24), (160, 45), (60, 20)]


class Desk:
    """One screen and everything around it."""

    def __init__(self, first: Seen | None = None, *, no_color: bool = False) -> None:
        self.clock = VirtualClock(MONDAY)
        self.link = QuietLink()
        self.switched_off = 0
        self.stop = False
        self.app = WatchApp(
            first or seen(),
            account="0001",
            link=self.link,
            zone=ZoneInfo("America/New_York"),
            clock=self.clock,
            switch_off=self._switch_off,
            should_stop=lambda: self.stop,
            no_color=no_color,
        )

    def _switch_off(self) -> None:
        self.switched_off += 1

    def run(
        self, act: Callable[[Pilot[Ending]], Awaitable[None]], *, size: tuple[int, int] = (80, 24)
    ) -> Ending | None:
        async def whole() -> None:
            async with self.app.run_test(size=size) as pilot:
                await pilot.pause()
                await act(pilot)

        asyncio.run(whole())
        return self.app.return_value

    @property
    def selected(self) -> str | None:
        row = self.app.orders.selected
        return None if row is None else row.key

    @property
    def header(self) -> str:
        return "\n".join(line.plain for line in self.app.header_lines)

    def lines_of(self, name: str) -> list[str]:
        return str(self.app.query_one(f"#{name}").render()).splitlines()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("size", SIZES)
def test_every_order_and_position_has_a_line_that_fits_the_screen_with_its_figures_whole(desk: Desk, size):
    async def look(pilot: Pilot[Ending]) -> None:
        orders, positions = desk.lines_of("orders"), desk.lines_of("positions")
        assert orders[0].startswith("OPEN ORDERS 3, 1 of them placed elsewhere")
        assert [line.split()[0] for line in orders[2:]] == ["TSLA", "BRK.B", "NVDA"]
        assert [line.split()[0] for line in positions[2:]] == ["AAPL"]
        assert all(len(line) <= size[0] for line in (*orders, *positions))
        assert all(
            figure in "".join(orders) for figure in ("249.92", "0.8012", "120.50", "3 / 10", "0 / 900", "3 left")
        )
        assert all(figure in "".join(positions) for figure in ("2,499.70", "-0.80"))
        bottoms = [widget.region.bottom for widget in pilot.app.query("#orders, #positions, #events, #done, #keys")]
        assert bottoms[-1] == size[1]
        assert "elsewhere" in orders[4]

    desk.run(look, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_money_stands_to_the_right_on_its_decimal_point(desk: Desk, size):
    async def look(_pilot: Pilot[Ending]) -> None:
        _, heading, first, second, third = desk.lines_of("orders")
        assert (
            len(
                {
                    line.index(".", line.index(price))
                    for line, price in (*((first, "249.92"), (second, "0.8012"), (third, "120.50")),)
                }
            )
            == 1
        )
        assert heading.index("LIMIT") + len("LIMIT") == first.index("249.92") + len("249.9200")

    desk.run(look, size=size)


def test_the_header_says_paper_account_cash_and_result(desk: Desk):
    async def look(_pilot: Pilot[Ending]) -> None:
        assert desk.header.splitlines()[0].startswith(" PAPER   account ...0001")
        assert "cash 75,668.43   today +11.70 (+12.50 realised, -0.80 on held shares)" in desk.header

    desk.run(look)


def test_what_stops_entries_takes_a_second_line_where_there_is_room_and_says_if_there_is_more():
    long = " ".join(["reached"] * 60)
    desk = Desk(seen(halted=long))

    async def look(pilot: Pilot[Ending]) -> None:
        first, second, *rest = desk.header.splitlines()[2:]
        assert first.startswith("NO ENTRY IS TAKEN: reached")
        assert (len(first) <= 80, len(second), second[-1], rest) == (True, 80, "…", [])
        await pilot.resize_terminal(60, 20)
        (only,) = desk.header.splitlines()[2:]
        assert (len(only), only[-1]) == (60, "…")

    desk.run(look)


def test_the_age_grows_and_is_said_in_words_once_the_bot_does_not_answer(desk: Desk):
    async def look(pilot: Pilot[Ending]) -> None:
        assert desk.header.splitlines()[0].endswith("seen 0 s ago")
        desk.clock.advance(4)
        assert desk.header.splitlines()[0].endswith("seen 4 s ago")
        desk.clock.advance(8)
        desk.link.tell(NotAnswered(problem="nothing came in time"))
        await pilot.pause()
        assert desk.header.splitlines()[0].rstrip().endswith("NO ANSWER FOR 12 s")
        assert "THE BOT DOES NOT ANSWER (nothing came in time); what stands below is old" in desk.header
        assert len(desk.app.orders.rows) == 3  # what was seen last stays
        desk.link.tell(seen(asked_at=12, orders=[]))
        await pilot.pause()
        assert desk.header.splitlines()[0].endswith("seen 0 s ago")
        assert "THE BOT DOES NOT ANSWER" not in desk.header
        assert len(desk.app.orders.rows) == 1

    desk.run(look)


def test_a_selection_follows_its_order_and_not_its_line(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "down")
        assert desk.selected == "ours second"
        desk.link.tell(seen(orders=[order("new"), order("first"), order("second")]))
        await pilot.pause()
        assert desk.selected == "ours second"
        await pilot.press("c")
        assert isinstance(desk.app.screen, CancelQuestion)
        await pilot.press("y")
        assert desk.link.cancels == ["second"]

    desk.run(act)


def test_an_order_that_is_gone_leaves_nothing_selected_and_nothing_is_cancelled(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down")
        desk.link.tell(seen(orders=[order("second")]))
        await pilot.pause()
        assert desk.selected is None
        await pilot.press("c")
        assert not isinstance(desk.app.screen, CancelQuestion)
        assert desk.app.done_text.plain.startswith("choose an order first")
        await pilot.press("down")  # goes on where it was: at the order that has taken the place
        assert desk.selected == "ours second"

    desk.run(act)


def test_the_question_keeps_the_id_that_it_shows_whatever_the_lists_do_meanwhile(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "c")
        question = desk.app.screen
        assert isinstance(question, CancelQuestion)
        assert [line.plain for line in question.lines][1:3] == [
            *("buy 10 TSLA limit 249.92, 3 filled", "order id first"),
        ]
        desk.link.tell(seen(orders=[order("second"), order("first")]))
        await pilot.pause()
        await pilot.press("y")
        assert desk.link.cancels == ["first"]

    desk.run(act)


def test_the_question_about_a_stop_says_that_it_is_one(desk: Desk):
    """What protects a position looks like any other sell without its stop price."""

    async def act(pilot: Pilot[Ending]) -> None:
        desk.link.tell(seen(orders=[order("stop", stop_price=Decimal("240.00"))]))
        await pilot.pause()
        await pilot.press("down", "c")
        question = desk.app.screen
        assert isinstance(question, CancelQuestion)
        assert question.lines[1].plain == "buy 10 TSLA stop 240.00 limit 249.92, 0 filled"

    desk.run(act)


@pytest.mark.parametrize("keys", ["n", "escape"])
def test_a_question_that_is_not_answered_with_yes_sends_nothing(desk: Desk, keys):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "c", keys)
        assert desk.link.cancels == []
        assert desk.app.done_text.plain == "first was not cancelled, as you answered"

    assert desk.run(act) is None


def test_enter_does_not_confirm_a_cancel(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "c", "enter", "enter")
        assert isinstance(desk.app.screen, CancelQuestion)
        assert desk.link.cancels == []

    desk.run(act)


def test_keys_pressed_again_send_nothing_twice(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "c", "c", "c", "y", "y", "y")
        assert desk.link.cancels == ["first"]
        await pilot.press("c", "y")
        assert desk.link.cancels == ["first"]
        assert desk.app.done_text.plain == "first is being cancelled already"
        desk.link.tell(CancelEnded(order_id="first", said="cancelled: TSLA order first, 3 filled"))
        await pilot.pause()
        assert desk.app.done_text.plain == "cancelled: TSLA order first, 3 filled"

    desk.run(act)


def test_one_answer_of_a_question_is_taken_and_no_second_one(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "c")
        question = desk.app.screen
        assert isinstance(question, CancelQuestion)
        question.action_answer(answer=True)
        question.action_answer(answer=True)
        await pilot.pause()
        assert desk.link.cancels == ["first"]

    desk.run(act)


def test_an_order_placed_elsewhere_is_not_cancelled_from_here(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("end", "c")
        assert desk.selected == "elsewhere b-elsewhere"
        assert "not placed by this bot" in desk.app.done_text.plain
        assert desk.link.cancels == []

    desk.run(act)


def test_c_does_nothing_while_another_list_has_the_keys(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "tab", "c")
        assert desk.app.done_text.plain.startswith("choose an order first")

    desk.run(act)


def test_a_kill_is_typed_and_switches_off_before_the_screen_closes(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("K", *"kill", "enter")
        assert isinstance(desk.app.screen, KillQuestion)
        assert desk.switched_off == 0
        await pilot.press(*"KILL", "enter", "enter", "enter")

    assert desk.run(act) is Ending.KILL
    assert (desk.switched_off, desk.link.is_ended) == (1, True)


def test_a_kill_that_is_not_typed_is_none(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("K", "y", "enter", "escape")
        assert desk.app.done_text.plain == "nothing was killed, as you answered"

    assert desk.run(act) is None
    assert desk.switched_off == 0


@pytest.mark.parametrize(("key", "ending"), [("q", Ending.LEFT), ("ctrl+c", Ending.INTERRUPTED)])
def test_leaving_ends_the_asking_and_nothing_else(desk: Desk, key, ending):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press(key, key)

    assert desk.run(act) is ending
    assert (desk.link.is_ended, desk.link.cancels, desk.switched_off) == (True, [], 0)


def test_a_signal_leaves_it_too(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        desk.stop = True
        desk.app._tick()
        await pilot.pause()

    assert desk.run(act) is Ending.INTERRUPTED


def test_events_come_at_the_bottom_with_where_they_begin_and_end(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        desk.link.tell(EventsBegin())
        desk.link.tell(EventTold(event=event_json(FILLED)))
        desk.link.tell(EventsEnd(problem="the bot has stopped"))
        await pilot.pause()
        assert [line.partition("  ")[2] for line in desk.app.events.said] == [
            "-- events from here on",
            "filled          buy 4 AAPL at 99.80: 4 filled, 6 left (c1)",
            "-- no events any more: the bot has stopped",
        ]
        assert "the bot has stopped" in desk.lines_of("events")[-1]

    desk.run(act)


def test_older_events_can_be_gone_back_to(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        for number in range(50):
            desk.app.events.say(_line(number))
        await pilot.press("tab", "tab")
        assert desk.lines_of("events")[-1] == "event 49"
        await pilot.press("home")
        assert desk.lines_of("events")[1] == "event 0"
        assert "[1-" in desk.lines_of("events")[0]
        await pilot.press("down")
        assert desk.lines_of("events")[1] == "event 1"
        await pilot.press("end")
        assert desk.lines_of("events")[-1] == "event 49"

    desk.run(act)


def test_more_orders_than_lines_are_reached_by_the_keys_and_counted(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        desk.link.tell(seen(orders=[order(f"o{number}") for number in range(40)]))
        await pilot.pause()
        title = desk.lines_of("orders")[0]
        assert title.startswith("OPEN ORDERS 41, 1 of them placed elsewhere  [1-")
        await pilot.press("end", "up", "c", "y")
        assert desk.link.cancels == ["o39"]
        await pilot.press("pageup", "pageup", "pageup", "pageup", "pageup", "pageup", "pageup", "pageup")
        assert desk.selected == "ours o0"
        await pilot.press("pagedown", "home", "c", "y")
        assert desk.link.cancels == ["o39", "o0"]

    desk.run(act)


def test_enter_shows_all_that_is_known_of_what_is_selected_and_the_help_explains_the_keys(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("enter")
        assert not isinstance(desk.app.screen, Notice)
        await pilot.press("down", "enter")
        assert isinstance(desk.app.screen, Notice)
        assert "client order id: first" in [line.plain for line in desk.app.screen.lines]
        await pilot.press("enter", "question_mark")
        assert isinstance(desk.app.screen, Notice)
        assert any("K        kill" in line.plain for line in desk.app.screen.lines)
        await pilot.press("q", "tab", "down", "enter")
        assert "value: 2499.70" in [line.plain for line in desk.app.screen.lines]

    assert desk.run(act) is None


def test_an_arrow_in_an_empty_list_does_nothing():
    desk = Desk(seen(orders=[], external=[], positions=[]))

    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.press("down", "end", "c")
        assert desk.lines_of("orders") == ["OPEN ORDERS 0"]
        assert desk.lines_of("positions") == ["POSITIONS none"]

    desk.run(act)


def test_a_smaller_screen_takes_the_lists_along(desk: Desk):
    async def act(pilot: Pilot[Ending]) -> None:
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert all(len(line) <= 60 for line in desk.lines_of("orders"))
        assert pilot.app.query_one("#keys").region.bottom == 20

    desk.run(act, size=(160, 45))


def test_without_colours_the_words_stay():
    desk = Desk(seen(mode="live", positions=[POSITION]), no_color=True)

    async def look(_pilot: Pilot[Ending]) -> None:
        assert desk.header.startswith(" LIVE, REAL MONEY ")

    desk.run(look)


def _line(number: int) -> Text:
    return Text(f"event {number}")
