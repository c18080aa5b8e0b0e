"""The tools on offer: their arguments, as ``tools/list`` describes them, and what answers each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.agent_server.account_tools import AccountTools
from tests.support.agent_server.ordering import OrderTools
from tests.support.agent_server.refusals import BadCallError

Arguments = Mapping[str, object]
INVALID_PARAMS = -32602

_ORDER = ("account_number", "symbol", "side", "type")
_TERMS = ("quantity", "dollar_amount", "limit_price", "stop_price", "time_in_force", "market_hours", "tax_lots")


@dataclass(frozen=True, kw_only=True)
class Tool:
    name: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    answer: Callable[[Arguments], Mapping[str, object]] = field(repr=False)

    def call(self, arguments: Arguments) -> Mapping[str, object]:
        """Answer a call that fits the schema.

        Raises:
            BadCallError: it does not; no tool ran.
            ToolRefusalError: the tool refuses.
        """
        self.check(arguments)
        return self.answer(arguments)

    def check(self, arguments: Arguments) -> None:
        """Refuse arguments that do not fit the schema.

        Raises:
            BadCallError: they do not.
        """
        missing = [name for name in self.required if name not in arguments]
        unknown = [name for name in arguments if name not in (*self.required, *self.optional)]
        if missing or unknown:
            words = f"missing properties: {missing}" if missing else f"unexpected additional properties {unknown}"
            raise BadCallError(INVALID_PARAMS, f'invalid params: validating "arguments": {words}')
        for name, value in arguments.items():
            if not isinstance(value, list if name in _LISTS else str):
                raise BadCallError(INVALID_PARAMS, f'invalid params: "arguments": {name} has another type')

    def described(self) -> dict[str, object]:
        """The tool as it is listed: prose instead of allowed values, and lists that may be null."""
        properties = {name: _type_of(name) for name in (*self.required, *self.optional)}
        schema: dict[str, object] = {"type": "object", "properties": properties, "additionalProperties": False}
        if self.required:
            schema["required"] = list(self.required)
        return {"name": self.name, "description": f"{self.name}: ...", "inputSchema": schema}


_LISTS = frozenset({"symbols", "tax_lots"})


def _type_of(name: str) -> dict[str, object]:
    if name in _LISTS:
        return {"type": ["null", "array"], "items": {"type": "string"}, "description": "..."}
    return {"type": "string", "description": "..."}


def catalogue(orders: OrderTools, account: AccountTools) -> dict[str, Tool]:
    """Every tool by its name."""
    number, symbols = "account_number", ("symbols",)
    filters = ("order_id", "state", "symbol", "created_at_gte", "placed_agent", "cursor")
    span = ("span", "start_date", "end_date", "asset_class")
    bars = ("end_time", "interval", "bounds", "adjustment_type")
    tools = (
        Tool(name="get_accounts", answer=account.accounts),
        Tool(name="get_portfolio", required=(number,), answer=account.portfolio),
        Tool(name="get_equity_positions", required=(number,), optional=("cursor",), answer=account.positions),
        Tool(name="get_equity_quotes", required=symbols, answer=account.quotes),
        Tool(name="get_equity_price_book", required=symbols, answer=account.price_book),
        Tool(name="get_equity_tradability", required=(number, *symbols), answer=account.tradability),
        Tool(
            name="get_equity_historicals",
            required=(*symbols, "start_time"),
            optional=bars,
            answer=account.historicals,
        ),
        Tool(name="get_equity_tax_lots", required=(number, "symbol"), optional=("cursor",), answer=account.tax_lots),
        Tool(name="get_realized_pnl", required=(number,), optional=span, answer=account.realized),
        Tool(name="get_equity_orders", required=(number,), optional=filters, answer=orders.listed),
        Tool(name="place_equity_order", required=_ORDER, optional=(*_TERMS, "ref_id"), answer=orders.place),
        Tool(name="review_equity_order", required=_ORDER, optional=_TERMS, answer=orders.review),
        Tool(name="cancel_equity_order", required=(number, "order_id"), answer=orders.cancel),
    )
    return {tool.name: tool for tool in tools}
