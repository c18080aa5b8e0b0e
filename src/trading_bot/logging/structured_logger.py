"""One line for every trade somebody asked for, whatever became of it."""

import enum
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from trading_bot.caller_values import shown
from trading_bot.clock import Clock
from trading_bot.files import Descriptor, FileSystem, LocalFiles
from trading_bot.logging.last_refusals import Refusal, last_refusals
from trading_bot.logging.masking import SecretMasker
from trading_bot.logging.rotated_file import RotatedFile
from trading_bot.logging.structured_events import json_renderer
from trading_bot.order_management.models import ExecutionMode

TRADE_SCHEMA_VERSION = 1
MAX_BYTES = 16 * 1024**2
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRecord:
    """What was asked and what became of it. ``None`` means that there was nothing to record, never zero."""

    symbol: str
    side: str
    """As the caller said it, which in a refused trade may be no side at all."""
    quantity: int | Decimal | None
    reference_price: Decimal | None
    limit_price: Decimal | None
    """The computed limit in dollars, never the price the caller named."""
    order_id: str | None
    """The broker's id."""
    client_order_id: str | None
    status: str
    code: str
    reason: str
    message: str
    strategy_name: str | None
    execution_mode: ExecutionMode
    duplicate_of: str | None = None
    correlation_id: str | None = None
    ts: datetime | None = None
    """When it was decided; the time of writing where it is not given."""

    def __post_init__(self) -> None:
        """Refuse a time that could be read in two ways."""
        if self.ts is not None and self.ts.tzinfo is None:
            raise ValueError("a trade's time has no zone; give an aware time")


class StructuredTradeLogger:
    """Append each trade to ``path`` as one JSON line: decimals as text, times in UTC, the file private.

    A file of ``max_bytes`` is renamed to ``NAME.1`` and begun anew, as `RotatedFile` does it. A trade that cannot be
    written is counted in ``failures`` and told to ``on_problem``, once until writing works again. `record` never raises
    for it, because the trade itself has happened.
    """

    def __init__(
        self,
        *,
        path: Path,
        clock: Clock,
        session_id: str,
        on_problem: Callable[[str], None],
        max_bytes: int = MAX_BYTES,
        masker: SecretMasker | None = None,
        files: FileSystem | None = None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._session_id = session_id
        self._on_problem = on_problem
        self._masker = masker or SecretMasker()
        self._files = files or LocalFiles()
        self._file = RotatedFile(path=path, max_bytes=max_bytes, files=self._files)
        self._render = json_renderer()
        self._lock = threading.Lock()
        self._is_failing = False
        self._is_stuck = False
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many trades could not be written."""
        return self._failures

    def last_refusals(self, codes: Collection[str], *, mode: ExecutionMode) -> Mapping[str, Refusal]:
        """Return the latest refusal of each code in the file; see `last_refusals`."""
        return last_refusals(self._path, codes, mode=mode, files=self._files)

    def record(self, trade: TradeRecord) -> None:
        """Write one trade."""
        with self._lock:
            try:
                self._append(self._line(trade))
            except OSError as error:
                self._fail(error)
            else:
                self._is_failing = False

    def _line(self, trade: TradeRecord) -> bytes:
        facts: dict[str, object] = {
            "v": TRADE_SCHEMA_VERSION,
            "ts": (trade.ts or self._clock.now()).astimezone(UTC).strftime(_TIME),
            "event": "trade_recorded",
            "session_id": self._session_id,
        }
        facts |= {field.name: _plain(getattr(trade, field.name)) for field in fields(trade) if field.name != "ts"}
        text = self._render(None, "info", dict(self._masker(None, "info", facts)))
        return text.encode() if isinstance(text, str) else text

    def _append(self, line: bytes) -> None:
        self._files.make_folder(self._path.parent)
        self._begin_anew_when_full()
        descriptor = self._files.open_append(self._path)
        try:
            separator = b"\n" if self._file.ends_within_a_line(descriptor) else b""
            self._write(descriptor, separator + line + b"\n")
        finally:
            self._files.close(descriptor)

    def _begin_anew_when_full(self) -> None:
        try:
            self._file.begin_anew_when_full()
        except OSError as error:
            if not self._is_stuck:
                self._on_problem(f"{self._path} is full and cannot be renamed, so it grows: {error}; repair the folder")
            self._is_stuck = True
        else:
            self._is_stuck = False

    def _write(self, descriptor: Descriptor, data: bytes) -> None:
        written = self._files.write(descriptor, data)
        if written < len(data):
            raise OSError(f"only {written} of {len(data)} bytes were taken")

    def _fail(self, error: OSError) -> None:
        self._failures += 1
        if not self._is_failing:
            self._is_failing = True
            self._on_problem(f"trades are not being recorded in {self._path}: {error}; free or repair the disk")


def _plain(value: object) -> object:
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, int):
        return shown(value)
    if isinstance(value, float | Decimal):
        return str(value)
    # A refused trade is recorded with what the caller gave, which may be anything.
    return value if value is None or isinstance(value, str) else f"a {type(value).__name__}"
