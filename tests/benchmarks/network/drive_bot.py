"""A client of the benchmark: one bot of the build on the module search path, told what to do by lines of JSON.

It is run by both builds, so it uses what both have. Each line names a function of this file and its arguments; the
answer is one line. Times are in seconds of the machine's monotonic clock.
"""

import itertools
import json
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading_bot import Config, create_bot

CONFIG = Path("config.json")
_bot: Any = None
_numbers = itertools.count()


def prepare(account: str) -> None:
    """Log in and arm, as `trading-bot login` and `arm` do at a terminal."""
    from pydantic import SecretStr

    from trading_bot.auth.token_store import SavedSession, TokenStore
    from trading_bot.files import LocalFiles
    from trading_bot.latch import Latch
    from trading_bot.order_management.models import ExecutionMode
    from trading_bot.startup.surroundings import default_surroundings
    from trading_bot.state_folder import StateFolder, account_key

    around = default_surroundings()
    root = Path("state") / f"live-{account_key(ExecutionMode.LIVE, account)}"
    state = StateFolder(root=root.absolute(), files=LocalFiles())
    store = TokenStore(path=state.session, username=None, account_number=SecretStr(account), files=LocalFiles())
    secrets = {name: SecretStr(name) for name in ("device_token", "refresh_token")}
    store.save(SavedSession(access_token=SecretStr("first"), **secrets))
    Latch(path=state.latch, clock=around.clock, new_id=around.new_id).arm(by="a benchmark", hours=12)
    _note_canary()


def _note_canary() -> None:
    # Until one has passed, this build holds live limits at their small defaults. The old one knows none.
    try:
        from trading_bot.risk.canary_pass import CanaryPass
        from trading_bot.startup.limits import canary_file
    except ImportError:
        return
    from datetime import timedelta

    from trading_bot.clock import SystemClock
    from trading_bot.files import LocalFiles

    clock = SystemClock()
    passed = CanaryPass(at=clock.now() - timedelta(days=1), version="0.2.0", symbols=("F",))
    canary_file(Config.from_env_and_json(CONFIG), clock=clock, files=LocalFiles()).note(passed)


def make() -> None:
    """Build a bot, and do not start it."""
    globals()["_bot"] = create_bot(Config.from_env_and_json(CONFIG), background_sync=False)


def start(background_sync: bool = False, unpaced: bool = False) -> None:
    """Build and start a bot. ``unpaced`` ones keep to no rate of ours: they place what a row begins with."""
    if unpaced:
        from trading_bot.robinhood.rate_budget import RateBudget

        RateBudget.take = lambda *_, **__: True  # type: ignore[method-assign]
    globals()["_bot"] = create_bot(Config.from_env_and_json(CONFIG), background_sync=background_sync)
    _bot.start()


def stop() -> None:
    _bot.stop()


def trade(symbols: list[str], action: str = "buy", shares: int = 1, pause_s: float = 0.0) -> list[dict[str, Any]]:
    """Trade one symbol after the other."""
    results = []
    for symbol in symbols:
        results.append(_traded(symbol, action, shares))
        time.sleep(pause_s)
    return results


def trade_at_once(orders: list[tuple[str, str]]) -> dict[str, Any]:
    """Trade all symbols from a thread each, released together; the time is from the release to the last result."""
    release = threading.Barrier(len(orders) + 1)
    results: list[dict[str, Any]] = []

    def one(symbol: str, action: str) -> None:
        release.wait()
        results.append(_traded(symbol, action, 1))

    threads = [threading.Thread(target=one, args=order) for order in orders]
    for thread in threads:
        thread.start()
    release.wait()
    began = time.monotonic()
    for thread in threads:
        thread.join()
    return {"took_s": time.monotonic() - began, "results": results}


def cancel_all() -> dict[str, Any]:
    began = time.monotonic()
    results = _bot.cancel_all_open_orders()
    took_s = time.monotonic() - began
    return {"took_s": took_s, "results": len(results), "confirmed": sum(_is_cancelled(result) for result in results)}


def sync() -> dict[str, Any]:
    began = time.monotonic()
    summary = _bot.synchronize_open_orders()
    return {"took_s": time.monotonic() - began, "complete": summary.complete, "problem": summary.problem}


def read(name: str, arguments: list[Any]) -> dict[str, Any]:
    """Call a method of the bot that reads; say how long it took and what it raised, if anything."""
    began = time.monotonic()
    try:
        getattr(_bot, name)(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the row is about
        return {"took_s": time.monotonic() - began, "error": f"{type(error).__name__}: {error}"}
    return {"took_s": time.monotonic() - began, "error": None}


def lose(symbol: str) -> dict[str, Any]:
    """Trade while the reply is lost; the time is that at which the order is known, by whatever way."""
    result = _traded(symbol, "buy", 1)
    for _ in range(20):
        if any(order.order_id for order in _bot.open_orders()):
            break
        _bot.synchronize_open_orders()
    return result | {"known_at": time.monotonic(), "orders": len(order_ids())}


def order_ids() -> list[str]:
    return [str(order.order_id) for order in _bot.open_orders()]


def _traded(symbol: str, action: str, shares: int) -> dict[str, Any]:
    price = Decimal(100) - Decimal(next(_numbers) % 500) / 20 if action == "buy" else Decimal(110)
    began = time.monotonic()
    result = _bot.execute_trade(symbol, action, shares, price, "a benchmark")
    took_s = time.monotonic() - began
    return {
        "took_s": took_s,
        "began": began,
        "action": action,
        "status": str(result.status),
        "message": str(result.message),
    }


def _is_cancelled(result: Any) -> bool:
    return "cancel" in str(getattr(result, "state", getattr(result, "status", ""))).lower()


def main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        answer = globals()[command.pop("ask")](**command)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
