"""The command line inside this process, on a paper account of its own in a temporary folder."""

import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from tests.support.command_line import CommandResult
from trading_bot.cli.app import run_command_line

QUOTE = {"at": "2026-11-20T14:30:00Z", "bid": "99.98", "ask": "100.00", "bid_size": 500, "ask_size": 500}
SYMBOLS = ("AAPL", "MSFT")


class CommandLineBench:
    """Calls the command line as `__main__` does; settings are kept in ``home / config.json``."""

    def __init__(self, home: Path, settings: Mapping[str, object] | None = None) -> None:
        self.home = home
        self.config = home / "config.json"
        quotes = "".join(f"{json.dumps(QUOTE | {'symbol': symbol})}\n" for symbol in SYMBOLS)
        (home / "quotes.jsonl").write_text(quotes, encoding="utf-8")
        plain = {
            "logs_dir": "logs",
            "state_dir": "state",
            "paper": {"quotes_file": "quotes.jsonl"},
            "order_management": {"intent_ttl_s": 1, "request_timeout_s": 1, "cancel_deadline_s": 5},
        }
        self.config.write_text(json.dumps({**plain, **(settings or {})}), encoding="utf-8")

    @property
    def journal(self) -> Path:
        return self.home / "logs" / "orders.jsonl"

    @property
    def state(self) -> Path:
        (folder,) = (self.home / "state").iterdir()
        return folder

    @property
    def database(self) -> Path:
        return self.state / "journal.sqlite3"

    def __call__(self, *arguments: str) -> CommandResult:
        """Run one command and return what it left."""
        out, err = io.StringIO(), io.StringIO()
        with own_process_settings(), redirect_stdout(out), redirect_stderr(err):
            code = run_command_line(["-c", str(self.config), *arguments])
        return CommandResult(returncode=int(code), stdout=out.getvalue(), stderr=err.getvalue())

    def json(self, *arguments: str) -> Any:
        """Run one command under ``--json`` and return its one answer."""
        done = self("--json", *arguments)
        return json.loads(done.stdout)

    def buy(self, name: str = "first", *options: str) -> CommandResult:
        """Buy 10 AAPL passively, which rests at 99.85."""
        return self("buy", "AAPL", "10", "--reference-price", "100", "--client-order-id", name, *options)


@contextmanager
def own_process_settings() -> Iterator[None]:
    """Give back what the command line changes of the process."""
    hook, handlers = sys.excepthook, list(logging.getLogger().handlers)
    levels = {name: logging.getLogger(name).level for name in (None, "trading_bot")}
    try:
        yield
    finally:
        sys.excepthook = hook
        logging.getLogger().handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
