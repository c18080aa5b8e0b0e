"""What an operator can ask of a running bot: one small model a question, and the operations that answers it.

A question can be answered here or sent to the process that holds the account; either way the answer is one JSON object
or one of the order errors. A new question is a new subclass of `Command` and a place in `AnyCommand`.
"""

from typing import Annotated, Literal, Protocol, TypeAlias, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from trading_bot.bot import TradingBot
from trading_bot.lease import ProcessInfo
from trading_bot.operations.command import AnyOrderId, Command, CommandContext, Progress, Text, no_progress
from trading_bot.operations.decision_commands import AcceptPosition, AdoptOrder, ReleaseSymbol, ResolveOrder
from trading_bot.operations.exit_commands import ExitPosition, Flatten, ListFreezes, ListHeld, Resume
from trading_bot.operations.values import Dollars
from trading_bot.order_json import (
    FORM_VERSION,
    JsonObject,
    cancel_result_json,
    cancel_results_json,
    external_order_json,
    moment_text,
    orders_json,
    positions_json,
    preview_json,
    status_json,
    sync_summary_json,
    trade_result_json,
)
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError, OrderValidationError
from trading_bot.order_management.models import OrderRequest, Pricing, Side, TimeInForce
from trading_bot.wrong_values import in_words

__all__ = [
    "AcceptPosition",
    "AdoptOrder",
    "AnyCommand",
    "CancelAll",
    "CancelOrder",
    "Command",
    "CommandContext",
    "CommandRunner",
    "ExitPosition",
    "Flatten",
    "ListFreezes",
    "ListHeld",
    "ListOrders",
    "ListPositions",
    "Operations",
    "Ping",
    "PlaceOrder",
    "PreviewOrder",
    "Progress",
    "ReleaseSymbol",
    "ResolveOrder",
    "Resume",
    "ShowStatus",
    "Synchronize",
    "new_command",
    "no_progress",
    "read_command",
]


class _Trade(Command):
    """The terms of a trade; ``quantity`` in whole shares, ``reference_price`` in dollars a share."""

    symbol: Text
    side: Annotated[Side, Field(strict=False)]
    quantity: int
    reference_price: Dollars
    strategy_name: Text = "manual"
    time_in_force: Annotated[TimeInForce, Field(strict=False)] = TimeInForce.GFD
    extended_hours: bool = False
    client_order_id: Text | None = None
    pricing: Annotated[Pricing, Field(strict=False)] | None = None


class PlaceOrder(_Trade):
    """Trade: checks, order and trade record as for a signal. The answer has the trade's status, code and message."""

    command: Literal["place_order"] = "place_order"
    order_type: Text = "limit"
    reason: Annotated[str, Field(min_length=1, max_length=2000)] = "asked for by an operator"

    def answer(self, counter: CommandContext) -> JsonObject:
        """Never raises: a refusal is an answer too."""
        result = counter.bot.execute_trade(
            self.symbol,
            self.side,
            self.quantity,
            self.reference_price,
            self.reason,
            self.strategy_name,
            self.order_type,
            time_in_force=self.time_in_force,
            extended_hours=self.extended_hours,
            client_order_id=self.client_order_id,
            pricing=self.pricing,
        )
        return trade_result_json(result)


class PreviewOrder(_Trade):
    """Show what `PlaceOrder` would send, and what would hold it up; nothing is sent or recorded."""

    may_change_orders = False
    command: Literal["preview_order"] = "preview_order"

    def answer(self, counter: CommandContext) -> JsonObject:
        """Price and judge."""
        request = OrderRequest(
            symbol=self.symbol,
            side=self.side,
            quantity=self.quantity,
            reference_price=self.reference_price,
            time_in_force=self.time_in_force,
            extended_hours=self.extended_hours,
            client_order_id=self.client_order_id,
            pricing=self.pricing,
        )
        return preview_json(counter.bot.preview_trade(request, strategy_name=self.strategy_name))


class ListOrders(Command):
    """List the orders that have not provably ended, or ``all`` of the journal, oldest first.

    Open orders placed elsewhere are counted, and listed with ``all_origins``.
    """

    may_change_orders = False
    command: Literal["list_orders"] = "list_orders"
    all: bool = False
    all_origins: bool = False

    def answer(self, counter: CommandContext) -> JsonObject:
        """Read the book; the broker is not asked.

        With a ``problem`` there may be orders that it does not know, or it is not up to date; ``complete`` is false.
        """
        listed = orders_json(counter.bot.orders() if self.all else counter.bot.open_orders())
        external = counter.bot.manager.view.external_orders()
        listed["external_orders"] = None if external is None else len(external)
        if self.all_origins:
            listed["external"] = [external_order_json(order) for order in external or ()]
        broker = counter.bot.manager.broker_problem
        stale = None if broker is None else f"the broker could not be read: {broker}"
        problem = counter.bot.journal_problem or stale
        journal_ok = counter.bot.journal_problem is None
        return {**listed, "complete": problem is None, "journal_ok": journal_ok, "problem": problem}


class ShowStatus(Command):
    """Read one order by either id, from the broker where it holds the order."""

    may_change_orders = False
    command: Literal["show_status"] = "show_status"
    id: AnyOrderId

    def answer(self, counter: CommandContext) -> JsonObject:
        """Read it; the journal's own knowledge, with the ``problem``, where the broker cannot be read."""
        try:
            return {**status_json(counter.bot.order_status(self.id)), "problem": None}
        except OrderNotFoundError:
            raise
        except OrderStatusError as error:
            known = status_json(counter.bot.manager.status_on_record(self.id))
            return {**known, "problem": f"the broker could not be read: {error}"}


class CancelOrder(Command):
    """Cancel one order by either id."""

    command: Literal["cancel_order"] = "cancel_order"
    id: AnyOrderId

    def answer(self, counter: CommandContext) -> JsonObject:
        """Cancel it and wait for proof until the cancel deadline."""
        return cancel_result_json(counter.bot.cancel_order(self.id))


class CancelAll(Command):
    """Cancel every open order of ours, and the account's other orders with ``include_external``."""

    command: Literal["cancel_all"] = "cancel_all"
    include_external: bool = False

    def answer(self, counter: CommandContext) -> JsonObject:
        """Cancel them; each order's end is progress as soon as it is known."""
        results = counter.bot.manager.cancel_all_open_orders(
            include_external=self.include_external,
            on_result=lambda result: counter.on_progress(cancel_result_json(result)),
        )
        return cancel_results_json(results)


class Synchronize(Command):
    """Book what the broker says of every open order."""

    may_change_orders = False
    command: Literal["synchronize"] = "synchronize"

    def answer(self, counter: CommandContext) -> JsonObject:
        """Run one synchronisation."""
        return sync_summary_json(counter.bot.synchronize_open_orders())


class ListPositions(Command):
    """List what is held: as the broker says now, if a bot is at work, else as our records explain it."""

    may_change_orders = False
    command: Literal["list_positions"] = "list_positions"

    def answer(self, counter: CommandContext) -> JsonObject:
        """Read the positions afresh."""
        counter.bot.account.invalidate_cache("positions")
        return positions_json(counter.bot.manager.view.positions())


class Ping(Command):
    """Command who holds the account, since when, and where its journal is."""

    may_change_orders = False
    command: Literal["ping"] = "ping"

    def answer(self, counter: CommandContext) -> JsonObject:
        """Introduce the process."""
        return {
            "v": FORM_VERSION,
            "pid": counter.holder.pid,
            "since": moment_text(counter.holder.since),
            "mode": counter.bot.config.trading.mode.value,
            "journal": str(counter.bot.journal_path),
        }


AnyCommand: TypeAlias = Annotated[
    PlaceOrder
    | PreviewOrder
    | ListOrders
    | ShowStatus
    | CancelOrder
    | CancelAll
    | Synchronize
    | ListPositions
    | ResolveOrder
    | AdoptOrder
    | ReleaseSymbol
    | AcceptPosition
    | ExitPosition
    | Flatten
    | ListHeld
    | Resume
    | ListFreezes
    | Ping,
    Field(discriminator="command"),
]
_ASKS: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand)
_A = TypeVar("_A", bound=Command)


def new_command(kind: type[_A], **values: object) -> _A:
    """Make a question from what an operator typed.

    Raises:
        OrderValidationError: a value cannot be used; the message names each.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _refusal(error) from error


def read_command(text: bytes) -> Command:
    """Read a question from JSON.

    Raises:
        OrderValidationError: it is none of ours, or a value cannot be used.
    """
    try:
        return _ASKS.validate_json(text)
    except ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: ValidationError) -> OrderValidationError:
    problems = error.errors(include_url=False)
    text = "; ".join(f"{_name(problem['loc'])} {in_words(problem)}" for problem in problems)
    return OrderValidationError(f"{text}; correct it and ask again", code="bad_request")


def _name(location: tuple[int | str, ...]) -> str:
    return str(location[-1]) if location else "request"


class CommandRunner(Protocol):
    """Where questions are answered, in this process or in the one that holds the account."""

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        """Return the answer.

        Raises:
            OrderError: it could not be done; the error says why and what to do next.
        """
        ...


class Operations:
    """Answers questions with a bot of this process; safe to use from several threads. ``holder`` is this process."""

    def __init__(self, bot: TradingBot, *, holder: ProcessInfo) -> None:
        self._bot = bot
        self._holder = holder

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        """Answer one question.

        Raises:
            OrderError: it could not be done; the error says why and what to do next.
        """
        return command.answer(CommandContext(bot=self._bot, holder=self._holder, on_progress=on_progress))
