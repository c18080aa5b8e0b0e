"""Which tools the paper exchange has, and what their arguments may be: refused as the agent interface refuses them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_SYMBOLS = frozenset({"symbols"})
_ORDER = ("account_number", "symbol", "side", "type")
_TERMS = ("quantity", "dollar_amount", "limit_price", "stop_price", "time_in_force", "market_hours", "tax_lots")


class ToolRefusalError(Exception):
    """A tool refuses in a sentence of its own, without a status."""

    def __init__(self, text: str, *, category: str = "invalid_request") -> None:
        super().__init__(text)
        self.text = text
        self.category = category


class BadArgumentsError(Exception):
    """The arguments are none of the tool's: JSON-RPC says so, and the tool does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The arguments of one tool, by name; all are text, but for ``symbols``, a list of texts."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def schema(self) -> dict[str, object]:
        """Return the arguments as a list of tools shows them."""
        text, texts = {"type": "string"}, {"type": ["null", "array"], "items": {"type": "string"}}
        names = (*self.required, *self.optional)
        return {
            "type": "object",
            "properties": {name: dict(texts if name in _SYMBOLS else text) for name in names},
            "required": list(self.required),
            "additionalProperties": False,
        }

    def check(self, arguments: Mapping[str, object]) -> None:
        """Refuse arguments that the schema forbids.

        Raises:
            BadArgumentsError: one is missing, unknown or of another type.
        """
        for name in self.required:
            if name not in arguments:
                raise BadArgumentsError(f'missing required argument "{name}"')
        for name, value in arguments.items():
            if name not in (*self.required, *self.optional):
                raise BadArgumentsError(f'unknown argument "{name}"')
            if not (_is_texts(value) if name in _SYMBOLS else isinstance(value, str)):
                raise BadArgumentsError(f'argument "{name}" has the wrong type')


TOOLS: Mapping[str, Tool] = {
    "get_accounts": Tool(),
    "get_portfolio": Tool(required=("account_number",)),
    "get_equity_positions": Tool(required=("account_number",), optional=("cursor",)),
    "get_equity_quotes": Tool(required=("symbols",)),
    "get_equity_price_book": Tool(required=("symbols",)),
    "get_equity_tradability": Tool(required=("account_number", "symbols")),
    "get_equity_historicals": Tool(
        required=("symbols", "start_time"), optional=("end_time", "interval", "bounds", "adjustment_type")
    ),
    "get_equity_tax_lots": Tool(required=("account_number", "symbol"), optional=("cursor",)),
    "get_realized_pnl": Tool(required=("account_number",), optional=("span",)),
    "get_equity_orders": Tool(
        required=("account_number",),
        optional=("order_id", "state", "symbol", "created_at_gte", "placed_agent", "cursor"),
    ),
    "review_equity_order": Tool(required=_ORDER, optional=_TERMS),
    "place_equity_order": Tool(required=_ORDER, optional=(*_TERMS, "ref_id")),
    "cancel_equity_order": Tool(required=("account_number", "order_id")),
}


def texts(value: object) -> Sequence[str]:
    """Return a checked list of texts; null is an empty one."""
    return [str(each) for each in value] if isinstance(value, list) else []


def moment(name: str, text: str) -> datetime:
    """Read a time; one without a zone is in UTC.

    Raises:
        ToolRefusalError: it is none.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ToolRefusalError(
            f"{name} must be RFC3339 (e.g. '2026-01-01T00:00:00Z'): cannot parse \"{text:.40}\""
        ) from error
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def _is_texts(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, str) for each in value))
