"""Reads that are never answered: each kind must end at the deadline of its call."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fnmatch import fnmatch
from typing import Any

from tests.benchmarks.network.broker_book import SYMBOLS
from tests.benchmarks.network.broker_process import DEAF
from tests.benchmarks.network.stage import Build, stage, this_build
from tests.benchmarks.table import Row

DEADLINE_S = 3
"""``request_timeout_s`` of the bots here; what a call sets for itself stays as it is."""

_SYMBOL, _UNKNOWN = SYMBOLS[0], SYMBOLS[200]
_START, _STATUS = "start", "order_status"
_ORDER = (_SYMBOL, "buy", 1, "90", "a benchmark")
_KINDS: dict[str, tuple[str, str, Sequence[Any]]] = {
    "account, at the start": ("GET /accounts/*", _START, ()),
    "orders, at the start": ("GET /orders/", _START, ()),
    "positions, at the start": ("GET /positions/", _START, ()),
    "status of an order": ("GET /orders/?*", _STATUS, ()),
    "positions": ("GET /positions/", "positions", ()),
    "account summary": ("GET /accounts/*", "account_summary", ()),
    "worth of the account": ("GET /portfolios/*", "account_summary", ()),
    "quotes": ("GET /quotes/", "quotes", ([_SYMBOL],)),
    "history": ("GET /marketdata/*", "history", (_SYMBOL,)),
    "orders, by a sync": ("GET /orders/", "synchronize_open_orders", ()),
    "instrument, by an order": ("GET /instruments/", "execute_trade", (_UNKNOWN, *_ORDER[1:])),
    "account, by an order": ("GET /accounts/*", "execute_trade", _ORDER),
    "positions, by an order": ("GET /positions/", "execute_trade", _ORDER),
}
"""Each kind: what is never answered, the method of the bot that reads it, and its arguments."""


def hang_rows(_old: Build | None) -> Iterator[Row]:
    """Yield how long each kind takes; all of them wait at the same time, each with a bot and a broker of its own."""
    with ThreadPoolExecutor(len(_KINDS)) as pool:
        for name, (took_s, is_asked) in zip(_KINDS, pool.map(_hung, _KINDS.values()), strict=True):
            yield Row(
                what=name if is_asked else f"{name}: not read",
                figure=f"{took_s:.1f} s",
                beside=f"{DEADLINE_S} s",
                ratio=f"{took_s - DEADLINE_S:+.1f} s",
                target="+1 s",
                met=took_s <= DEADLINE_S + 1,
            )


def _hung(kind: tuple[str, str, Sequence[Any]]) -> tuple[float, bool]:
    """Return how long the call took, and whether it asked for what hangs."""
    what, method, arguments = kind
    with stage() as made, ExitStack() as stack:
        home = made.home(this_build(), {"account_cache_ttl_s": 0}, request_timeout_s=DEADLINE_S)
        if method == _START:
            bot = stack.enter_context(made.speaker(this_build(), home))
            bot.ask("make")
        else:
            bot = stack.enter_context(made.bot(this_build(), home=home))
            bot.ask("trade", symbols=[_SYMBOL])
        given = bot.ask("order_ids")[:1] if method == _STATUS else arguments
        made.exchanges()
        made.mishap(what, DEAF)
        done = bot.ask("read", name=method, arguments=list(given))
        made.calm()
        return done["took_s"], any(fnmatch(each.what, what) for each in made.exchanges())
