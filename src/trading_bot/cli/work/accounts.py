"""One line for each account of the config file: what runs, what is open, and what it came to today."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from trading_bot.account_in_use import AccountInUseError
from trading_bot.cli.account_place import AccountPlace, place_of
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json
from trading_bot.cli.render.table import print_table
from trading_bot.cli.render.text import cents
from trading_bot.clock import Seconds, SystemClock
from trading_bot.config import Config, ConfigError
from trading_bot.control.client import HolderAbsentError, send_to_holder
from trading_bot.operations import ListOrders, ShowView
from trading_bot.order_management.exceptions import OrderError
from trading_bot.startup import account_look_up

_ANSWER_S: Seconds = 5.0
_HEADINGS = ("account", "mode", "number", "bot", "trading", "open", "cash", "today", "what is wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """What is known of one account; None is not known."""

    name: str | None
    mode: str | None = None
    suffix: str | None = None
    pid: int | None = None
    """The process of its bot; None where none runs, or there is a ``problem``."""
    stopped_because: str | None = None
    """Why no entry is taken; None where they are, or there is a ``problem``."""
    open_orders: int | None = None
    cash: Decimal | None = None
    today: Decimal | None = None
    """The result of the day, realised and unrealised; None where a part of it is not known."""
    problem: str | None = None


def accounts(invocation: Invocation) -> None:
    """Show every account of the file, or the one that it is.

    Raises:
        CommandError: one of them cannot be looked at in full.
    """
    named = Config.account_names(invocation.config) if invocation.account is None else ()
    lines = tuple(_look_at(name, invocation) for name in named or (invocation.account,))
    if invocation.json:
        print_json({"v": 1, "accounts": [_as_json(line) for line in lines]})
    else:
        print_table(_HEADINGS, [_row(line) for line in lines], invocation=invocation)
    if wrong := [line for line in lines if line.problem is not None]:
        whose = ", ".join(line.name or "the account" for line in wrong)
        raise CommandError(
            f"not all is known of {whose}: {wrong[0].problem}", exit_code=ExitCode.NOT_SENT, code="not_complete"
        )


def _look_at(name: str | None, invocation: Invocation) -> AccountLine:
    try:
        config = Config.from_env_and_json(invocation.config, account=name)
        place = place_of(config)
    except ConfigError as error:
        return AccountLine(name=name, problem=str(error))
    send_logs_to_stderr(invocation, config)
    known = AccountLine(name=name, mode=place.mode.value, suffix=place.suffix)
    try:
        return _running(
            known, send_to_holder(place.state.control_socket, ShowView(), clock=SystemClock(), timeout_s=_ANSWER_S)
        )
    except HolderAbsentError:
        return _on_record(known, config, place)
    except (OrderError, AccountInUseError) as error:
        return replace(known, problem=str(error))


def _running(known: AccountLine, view: Answer) -> AccountLine:
    pid, external, today = view["pid"], words.parts(view, "external"), words.part(view, "today") or {}
    return replace(
        known,
        pid=pid if isinstance(pid, int) else None,
        stopped_because=words.text(view, "halted") if view["halted"] else None,
        open_orders=len(words.parts(view, "orders")) + len(external),
        cash=words.amount(view, "cash"),
        today=_result_of(today),
        problem=words.text(view, "problem") if view["problem"] else None,
    )


def _result_of(today: Answer) -> Decimal | None:
    realised, unrealised = words.amount(today, "realised"), words.amount(today, "unrealised")
    if realised is None or unrealised is None or today.get("left_out") or today.get("unknown_sales"):
        return None
    return realised + unrealised


def _on_record(known: AccountLine, config: Config, place: AccountPlace) -> AccountLine:
    try:
        answer = account_look_up(config).perform(ListOrders())
        with place.latch() as latch:
            halted = latch.reason_not_armed()
    except (OrderError, ConfigError, AccountInUseError) as error:
        return replace(known, problem=str(error))
    return replace(known, open_orders=len(words.parts(answer, "orders")), stopped_because=halted)


def _row(line: AccountLine) -> tuple[str, ...]:
    is_unknown = line.problem is not None and line.pid is None
    return (
        line.name or "-",
        (line.mode or "-").upper(),
        f"...{line.suffix}" if line.suffix else "-",
        f"process {line.pid}" if line.pid is not None else "not known" if is_unknown else "none runs",
        line.stopped_because or ("not known" if is_unknown else "as armed"),
        "-" if line.open_orders is None else str(line.open_orders),
        cents(line.cash),
        cents(line.today),
        line.problem or "-",
    )


def _as_json(line: AccountLine) -> dict[str, object]:
    return dict(_facts(line))


def _facts(line: AccountLine) -> Iterator[tuple[str, object]]:
    yield from (("account", line.name), ("mode", line.mode), ("account_suffix", line.suffix), ("pid", line.pid))
    yield from (("halted", line.stopped_because), ("open_orders", line.open_orders))
    yield "cash", None if line.cash is None else f"{line.cash:f}"
    yield "today", None if line.today is None else f"{line.today:z.2f}"
    yield "problem", line.problem
