"""Runs a canary: consent, the walk of each symbol, the kill, and the note of a pass."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import click

from trading_bot._version import __version__
from trading_bot.bot import TradingBot
from trading_bot.canary.admission import SHARES_AT_ONCE, CanaryPlan, CanaryRefusedError, plan_canary
from trading_bot.canary.report import Step, StepOutcome, StepResult, has_passed
from trading_bot.canary.walk import SymbolWalk
from trading_bot.cli.account_place import AccountPlace, place_of
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode, exit_code_of_trade
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.prompts import ask_for_phrase, can_ask
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.text import dollars, printable
from trading_bot.cli.session import show_live_banner
from trading_bot.cli.work.kill.call import kill as kill_account
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.files import LocalFiles
from trading_bot.order_json import FORM_VERSION, JsonObject
from trading_bot.order_management.models import ExecutionMode
from trading_bot.risk.canary_pass import CanaryPass
from trading_bot.startup import create_bot, default_surroundings
from trading_bot.startup.limits import canary_file

_PRICE = re.compile(r"[0-9]{1,6}([.][0-9]{1,4})?", re.ASCII)
_KILL_EXPECTED = "a kill proves that no order is open, and the account is not armed any more"
_KILL_QUESTION = "the last step is a kill: it stops all trading of the account and cancels every order of ours; go on"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryWishes:
    """What was asked for."""

    symbols: tuple[str, ...]
    phrase: str | None = None
    kills: bool = False
    reference: Decimal | None = None


def canary(
    invocation: Invocation, *, symbols: tuple[str, ...], phrase: str | None, kills: bool, reference_price: str | None
) -> ExitCode:
    """Walk the symbols, kill, and say what came of it; see `run_canary`."""
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    wishes = CanaryWishes(
        symbols=tuple(dict.fromkeys(symbol.upper() for symbol in symbols)),
        phrase=phrase,
        kills=kills,
        reference=_reference(reference_price, config),
    )
    return run_canary(invocation, config, wishes)


def run_canary(
    invocation: Invocation,
    config: Config,
    wishes: CanaryWishes,
    *,
    walk: Callable[..., SymbolWalk] = SymbolWalk,
    kill: Callable[..., ExitCode] = kill_account,
) -> ExitCode:
    """Do it.

    Raises:
        CommandError: refused before anything was sent, or something is left.
    """
    send_logs_to_stderr(invocation, config)
    place, say = place_of(config), _Reporter(invocation)
    _refuse_wrong_phrase(place, wishes.phrase)
    show_live_banner(invocation, config)
    with _running(config) as bot:
        _take_consent(invocation, place, phrase=wishes.phrase, plan=_planned(bot, wishes))
        results = _walked(bot, wishes, walk=walk, tell=say.step)
    last = _killed(invocation, results, kills=wishes.kills, kill=kill)
    say.step(last)
    results = (*results, last)
    if has_passed(results):
        clock = SystemClock()
        done = CanaryPass(at=clock.now(), version=__version__, symbols=wishes.symbols)
        canary_file(config, clock=clock, files=LocalFiles()).note(done)
    say.end(results, mode=place.mode.value)
    return ExitCode.DONE if has_passed(results) else ExitCode.REFUSED_BY_RULE


def _reference(given: str | None, config: Config) -> Decimal | None:
    if given is None:
        return None
    price = Decimal(given) if _PRICE.fullmatch(given) else Decimal(0)
    if not price:
        raise click.UsageError(f"a reference price is dollars above zero, such as 12.50, not {given[:40]!a}")
    if config.trading.mode is ExecutionMode.LIVE:
        raise click.UsageError("a live canary takes its prices from the market; leave --reference-price out")
    return price


@contextmanager
def _running(config: Config) -> Iterator[TradingBot]:
    bot = create_bot(config)
    bot.start()
    try:
        yield bot
    finally:
        bot.stop()


def _planned(bot: TradingBot, wishes: CanaryWishes) -> CanaryPlan:
    try:
        return plan_canary(bot, wishes.symbols, reference=wishes.reference)
    except CanaryRefusedError as error:
        code = exit_code_of_trade(status="blocked", code=error.code)
        raise CommandError(str(error), exit_code=code, code=error.code) from error


def _wanted_phrase(place: AccountPlace) -> str:
    return f"LIVE {place.suffix}" if place.mode == "live" else "PAPER"


def _refuse_wrong_phrase(place: AccountPlace, phrase: str | None) -> None:
    if phrase is not None and phrase.strip() != _wanted_phrase(place):
        raise CommandError(
            f"nothing was sent: that is not the phrase for {place.mode} mode; see 'trading-bot canary --help'",
            exit_code=ExitCode.REFUSED_BY_RULE,
        )


def _take_consent(invocation: Invocation, place: AccountPlace, *, phrase: str | None, plan: CanaryPlan) -> None:
    if phrase is not None or place.mode != "live":
        return
    names = ", ".join(plan.limits)
    question = (
        f"this sends real one-share orders in {names}: {SHARES_AT_ONCE} shares of each at most, "
        f"${dollars(plan.most)} in all at the prices of now; type LIVE "
        "and the last four characters of the account number to go on"
    )
    _refuse_wrong_phrase(place, ask_for_phrase(invocation, question, option='--confirm "LIVE ...."'))


def _walked(
    bot: TradingBot,
    wishes: CanaryWishes,
    *,
    walk: Callable[..., SymbolWalk],
    tell: Callable[[StepResult], object],
) -> tuple[StepResult, ...]:
    results: list[StepResult] = []
    for symbol in wishes.symbols:
        name = f"canary-{symbol}-{default_surroundings().new_id()[:12]}"
        one = walk(bot, symbol, name=name, reference=wishes.reference)
        try:
            for result in one.run():
                results.append(result)
                tell(result)
        finally:
            # Said in place of a Ctrl-C, too: shares and orders that are left must not go unnoticed.
            _refuse_if_left(one.clean_up())
        if any(result.outcome is not StepOutcome.OK for result in results):
            break  # no more is bought after a step that failed
    return tuple(results)


def _refuse_if_left(left: Sequence[str]) -> None:
    if left:
        raise CommandError(
            f"the canary could not leave everything: {'; '.join(left)}; look at the account, then run "
            "'trading-bot exit SYMBOL' or 'trading-bot cancel ORDER_ID'",
            exit_code=ExitCode.REFUSED_BY_RULE,
            code="canary_left_something",
        )


def _killed(
    invocation: Invocation, results: Sequence[StepResult], *, kills: bool, kill: Callable[..., ExitCode]
) -> StepResult:
    if any(result.outcome is not StepOutcome.OK for result in results):
        return _kill_step(StepOutcome.SKIPPED, "left out, because a step failed")
    if not kills and not (can_ask(invocation) and click.confirm(_KILL_QUESTION, default=False, err=True)):
        return _kill_step(StepOutcome.SKIPPED, "left out; --kill takes it without a question")
    code = kill(invocation, reason="canary", everything=False)
    if code is ExitCode.DONE:
        return _kill_step(StepOutcome.OK, "NO OPEN ORDERS, and the account is killed")
    return _kill_step(StepOutcome.FAILED, "NOT CONFIRMED, as told above")


def _kill_step(outcome: StepOutcome, happened: str) -> StepResult:
    return StepResult(step=Step.KILL, symbol=None, expected=_KILL_EXPECTED, happened=happened, outcome=outcome)


class _Reporter:
    """Writes each step as it ends, and the end of all."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def step(self, result: StepResult) -> None:
        if self._invocation.json:
            print_json(_step_json(result))
            return
        ids = f" [{', '.join(result.order_ids)}]" if result.order_ids else ""
        symbol = f"{result.symbol} " if result.symbol else ""
        print_line(f"{result.outcome.upper()} {symbol}{result.step}: {printable(result.happened)}{ids}")
        if result.outcome is StepOutcome.FAILED:
            print_line(f"- expected: {result.expected}")

    def end(self, results: Sequence[StepResult], *, mode: str) -> None:
        passed = has_passed(results)
        if self._invocation.json:
            steps = [_step_json(result) for result in results]
            print_json({"v": FORM_VERSION, "event": "canary_ended", "mode": mode, "passed": passed, "steps": steps})
            return
        good = sum(result.outcome is StepOutcome.OK for result in results)
        said = "passed, and this is on record" if passed else "did not pass"
        print_line(f"the canary {said}: {good} of {len(results)} steps as expected; nothing of it is left")
        if results[-1].outcome is StepOutcome.OK:
            print_line("the account is killed; run 'trading-bot arm' when trading is wanted again")


def _step_json(result: StepResult) -> JsonObject:
    return {
        "v": FORM_VERSION,
        "event": "canary_step",
        "step": result.step.value,
        "symbol": result.symbol,
        "expected": result.expected,
        "happened": result.happened,
        "outcome": result.outcome.value,
        "order_ids": list(result.order_ids),
    }
