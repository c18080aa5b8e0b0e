"""What rests on lists of orders: finding one whose reply was lost, cancelling all, and a synchronisation."""

from collections.abc import Iterator

from tests.benchmarks.network.broker_book import SYMBOLS
from tests.benchmarks.network.broker_process import HANG_UP
from tests.benchmarks.network.exchanges import in_turn, requests_in
from tests.benchmarks.network.stage import Build, ClientFailedError, Stage, stage, this_build
from tests.benchmarks.table import Row
from trading_bot.robinhood.rate_budget import ALLOWANCES, Purpose

ROUND_TRIP_MS = 50
FAR_MS = 100
OF_THE_DAY = 600
OLD = 2_000
TO_CANCEL = 25
OPEN, FILLED = 100, 1_000
_POST, _LIST = "POST /orders/", "GET /orders/"
_FOUND_WITHIN_S = 1.5


def lost_reply_rows(_old: Build | None) -> Iterator[Row]:
    """Yield how long an order whose reply was lost stays in doubt, before and behind 600 others of the day."""
    for page_size in (10, 100):
        for is_behind in (False, True):
            with stage() as made:
                yield _lost(made, page_size, is_behind=is_behind)


def cancel_all_rows(_old: Build | None) -> Iterator[Row]:
    """Yield what cancelling 25 orders takes on an account with 2,000 old ones."""
    ours = this_build()
    with stage() as made:
        made.book("have_placed_elsewhere", count=OLD, days_ago=3)
        home = made.home(ours)
        _place(made, ours, home, TO_CANCEL)
        with made.bot(ours, home=home) as bot:
            made.line(FAR_MS)
            bot.ask("sync")
            made.exchanges()
            done = bot.ask("cancel_all")
            heard = made.exchanges()
    lists = sum(each.what == _LIST for each in heard)
    cancels = sum(each.what.endswith("/cancel/") for each in heard)
    paced_s = _pacing_s(Purpose.CANCEL, TO_CANCEL)
    trips = (done["took_s"] - paced_s) / (FAR_MS / 1000)
    yield Row(
        what=f"{FAR_MS} ms: {cancels} cancels, {lists} lists",
        figure=f"{done['took_s']:.2f} s, {in_turn(heard)} in turn",
        beside=f"{paced_s:.2f} s",
        ratio=f"{trips:+.1f} RT",
        target="2 lists, +5 RT",
        met=lists <= 2 and trips <= 5 and done["results"] == TO_CANCEL,
    )


def sync_rows(_old: Build | None) -> Iterator[Row]:
    """Yield how many requests a synchronisation of 100 open orders makes, and one after 1,000 fills."""
    ours = this_build()
    with stage() as made:
        home = made.home(ours)
        _place(made, ours, home, OPEN)
        with made.bot(ours, home=home) as bot:
            made.line(ROUND_TRIP_MS)
            yield _synced(made, bot.ask("sync"), f"{OPEN} open orders", most=2)
        made.line(0)
        _place(made, ours, home, FILLED - OPEN)
        with made.bot(ours, home=home) as bot:
            made.line(ROUND_TRIP_MS)
            made.book("fill_open", count=FILLED)
            yield _synced(made, bot.ask("sync"), f"{FILLED:,} orders filled since", most=20)


def _lost(made: Stage, page_size: int, *, is_behind: bool) -> Row:
    made.fresh(ROUND_TRIP_MS, page_size=page_size)
    with made.bot(this_build()) as bot:
        bot.ask("trade", symbols=[SYMBOLS[0]])
        made.book("place_after_next_submit" if is_behind else "have_placed_elsewhere", count=OF_THE_DAY)
        made.exchanges()
        made.mishap(_POST, HANG_UP)
        done = bot.ask("lose", symbol=SYMBOLS[0])
        heard = made.exchanges()
    if not any(each.what == _POST for each in heard):
        raise ClientFailedError(f"no order was sent: {done}")
    lost_at = next(each.ended for each in heard if each.what == _POST)
    took_s, posts = done["known_at"] - lost_at, sum(each.what == _POST for each in heard)
    place = "behind" if is_behind else "newer than"
    most_s = _FOUND_WITHIN_S + 2 * ROUND_TRIP_MS / 1000
    return Row(
        what=f"{ROUND_TRIP_MS} ms, {page_size} a page: {place} {OF_THE_DAY} of the day",
        figure=f"{took_s:.2f} s, {requests_in(heard) - posts} requests",
        beside=f"{most_s:.2f} s",
        ratio=f"{took_s / most_s:.2f}",
        target="1.5 s + 2 RT, one order",
        met=took_s <= most_s and done["orders"] == 2 and posts == 1,
    )


def _place(made: Stage, build: Build, home, count: int) -> None:
    """Have open orders placed by a bot that keeps to no rate, in symbols of which each has few."""
    with made.bot(build, home=home, unpaced=True) as bot:
        bot.ask("trade", symbols=[SYMBOLS[number % 100] for number in range(count)])


def _synced(made: Stage, done, what: str, *, most: int) -> Row:
    heard = made.exchanges()
    count = requests_in(heard)
    return Row(
        what=f"{ROUND_TRIP_MS} ms: {what}",
        figure=f"{count} requests, {done['took_s']:.2f} s",
        beside=f"{in_turn(heard)} in turn",
        ratio=str(count),
        target=f"{most} requests",
        met=count <= most and done["complete"],
    )


def _pacing_s(purpose: Purpose, count: int) -> float:
    """Return for how long our own budget spreads so many requests of one moment."""
    allowance = ALLOWANCES[purpose]
    return max(0, count - allowance.burst) * allowance.every_s
