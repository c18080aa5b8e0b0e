"""What ``doctor`` sees in the lists of a live account: rows that cannot be read, and what each of them holds up."""

from collections.abc import Callable, Iterator

from trading_bot import checkup
from trading_bot.checkup import Check, Trouble
from trading_bot.config import ConfigError
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.portfolio import PositionListing
from trading_bot.startup.login import LiveDoor


def live_rows(open_door: Callable[[], LiveDoor]) -> Iterator[Check]:
    """Read positions and open orders once, and name what is not understood in them."""
    try:
        door = open_door()
        door.resume()
    except (OrderError, ConfigError):
        yield checkup.skipped("positions", because="it takes a session")
        yield checkup.skipped("open orders", because="it takes a session")
        return
    try:
        yield _positions(door.read_positions())
    except OrderError as error:
        yield checkup.failed("positions", error, Trouble.BROKER)
    yield _open_orders(door.read_open_orders())


def _positions(listing: PositionListing) -> Check:
    rows = [f"{row.name} ({row.problem}) is neither bought nor sold" for row in listing.unread]
    return checkup.rows_check("positions", read=f"{len(listing.positions)} can be read", odd=rows)


def _open_orders(listing: Listing) -> Check:
    if not listing.has_all_pages:
        problem = OrderError(f"{listing.problem or 'the list was not read to its end'}; nothing was concluded")
        return checkup.failed("open orders", problem, Trouble.BROKER)
    rows = [
        f"order {row.order_id or 'without an id'} in {row.symbol or row.instrument_id or 'an unknown instrument'} "
        f"({row.problem}) holds up purchases of that symbol"
        for row in listing.unread
    ]
    elsewhere = sum(not bears_our_mark(report.ref_id) for report in listing.reports)
    read = f"{len(listing.reports)} can be read, {elsewhere} of them placed elsewhere"
    return checkup.rows_check("open orders", read=read, odd=rows)
