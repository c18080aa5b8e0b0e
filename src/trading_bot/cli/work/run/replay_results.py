"""What a replay came to, beside the earlier replays of the same input.

Each finished replay adds one line to ``replays.jsonl`` in the logs folder, outside of the folder that replays empty.
The same input is the same signals and the same quotes, by their hash; the name of a file is no part of it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.cli.render.summary import RunSummary
from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config
from trading_bot.files import FileSystem
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import exact_sum
from trading_bot.signals import SignalLine

if TYPE_CHECKING:
    from trading_bot.account_summary import AccountSummary
    from trading_bot.bot import TradingBot

KEPT_RESULTS = 1_000
"""How many results the file keeps; the oldest go. Chosen."""

_VERSION = 1
_GENERATED = b"generated"
_NO_PART_OF_IT = frozenset({"account_number", "journal_url", "logs_dir", "state_dir", "paper.quotes_file"})
"""Settings that say whose files are meant, and where; the quotes themselves are part of the input."""
_RATIO = _CENT_OF_A_CENT = Decimal("0.0001")


def input_hash(signals: Iterable[SignalLine], quotes: bytes | None) -> str:
    """Return a name for what a replay is given; ``quotes`` None stands for generated ones."""
    digest = hashlib.sha256()
    for line in signals:
        digest.update(line.data + b"\n")
    digest.update(hashlib.sha256(_GENERATED if quotes is None else quotes).digest())
    return digest.hexdigest()[:16]


def differing_settings(config: Config) -> dict[str, str]:
    """Return the settings that differ from their defaults, by their dotted names."""
    usual = dict(_leaves(Config().model_dump(mode="json")))
    mine = dict(_leaves(config.model_dump(mode="json")))
    return {name: value for name, value in mine.items() if name not in _NO_PART_OF_IT and usual.get(name) != value}


def _leaves(values: Mapping[str, object], above: str = "") -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", "null" if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayInput:
    """What a replay is given."""

    hash: str
    signals: str
    """What the signals are called: a file name, or ``stdin``."""
    quotes: str
    """The name of the quotes file, or ``generated``."""
    settings: Mapping[str, str]


def replay_input(
    config: Config, *, source: str, lines: Iterable[SignalLine], settle_s: Seconds | None, files: FileSystem
) -> ReplayInput:
    """Describe what is about to be replayed."""
    quotes = config.paper.quotes_file
    settings = differing_settings(config)
    if settle_s is not None:
        settings["--settle"] = f"{settle_s:g}"
    return ReplayInput(
        hash=input_hash(lines, None if quotes is None else files.read(quotes)),
        signals="stdin" if source == "-" else Path(source).name,
        quotes="generated" if quotes is None else quotes.name,
        settings=settings,
    )


class ReplayResults:
    """Takes the figures of one replay and keeps them in the file at ``path``."""

    def __init__(self, path: Path, *, given: ReplayInput, clock: Clock, files: FileSystem) -> None:
        self._path = path
        self._given = given
        self._clock = clock
        self._files = files
        self._account: AccountSummary | None = None

    def read(self, bot: "TradingBot") -> None:
        """Read the account while the bot still runs; what cannot be read is not known."""
        try:
            self._account = bot.account_summary()
        except OrderStatusError:
            self._account = None

    def kept(self, summary: RunSummary) -> tuple[dict[str, object], tuple[Mapping[str, object], ...]]:
        """Add this run to the file; return its figures, and those of earlier runs of the same input, oldest first.

        Raises:
            OSError: the file cannot be read or written.
        """
        row = self._figures(summary)
        earlier = self._earlier()
        lines = [json.dumps(each, ensure_ascii=True) for each in (*earlier[1 - KEPT_RESULTS :], row)]
        self._files.replace(self._path, "".join(f"{line}\n" for line in lines).encode())
        return row, tuple(each for each in earlier if each.get("input") == self._given.hash)

    def _earlier(self) -> list[Mapping[str, object]]:
        if self._files.facts_at(self._path) is None:
            return []
        lines = self._files.read(self._path).decode("utf-8", "replace").splitlines()
        return [row for line in lines if (row := _row(line)) is not None]

    def _figures(self, summary: RunSummary) -> dict[str, object]:
        account, given = self._account, self._given
        ordered = sum(order.quantity for order in summary.orders)
        filled = exact_sum(order.filled_quantity for order in summary.orders)
        return {
            "v": _VERSION,
            "at": self._clock.now().isoformat(timespec="seconds"),
            "input": given.hash,
            "signals_from": given.signals,
            "quotes_from": given.quotes,
            "signals": summary.signals,
            "orders": len(summary.orders),
            "fills": summary.filled + summary.partly_filled,
            "fill_ratio": f"{(filled / ordered).quantize(_RATIO):f}" if ordered else None,
            "realised": _text(account.realised if account else None),
            "unrealised": _text(account.unrealised if account else None),
            "equity": _text(account.equity if account else None),
            "settings": dict(given.settings),
        }


def _row(line: str) -> Mapping[str, object] | None:
    """Read one line of the file; None for one that is no result of this version, which then is not kept."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and row.get("v") == _VERSION else None


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.quantize(_CENT_OF_A_CENT):f}"
