"""`canary` at the command line: consent, the walk, the kill, the report and the note of a pass."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.command_line_bench import CommandLineBench, own_process_settings
from trading_bot.canary.admission import CanaryPlan
from trading_bot.canary.report import Step, StepOutcome, StepResult
from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.canary import CanaryWishes, _take_consent, run_canary
from trading_bot.config import Config

LIVE = {"trading": {"mode": "live"}, "account_number": "5QR10001"}


def bench_with(home: Path, **settings: object) -> CommandLineBench:
    fast = {"duplicate_window_s": 0, "intent_ttl_s": 1, "request_timeout_s": 1, "cancel_deadline_s": 5}
    return CommandLineBench(home, {"order_management": fast, **settings})


def test_a_rehearsal_on_paper_walks_kills_reports_and_is_on_record(tmp_path):
    cli = bench_with(tmp_path)
    done = cli("canary", "aapl", "--kill")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines[:7]] == [
        ["OK", "AAPL", f"{step}:"] for step in Step if step is not Step.KILL
    ]
    assert "the canary passed, and this is on record: 8 of 8 steps as expected; nothing of it is left" in lines
    assert lines[-1].endswith("run 'trading-bot arm' when trading is wanted again")
    shown = cli.json("risk", "show")
    assert (shown["state"], shown["canary"]["symbols"]) == ("halted", ["AAPL"])
    assert "canary: passed " in cli("risk", "show").stdout


class FakeWalk:
    """Goes as it is told, without an order."""

    left: tuple[str, ...] = ()

    def __init__(self, _bot: object, symbol: str, *, name: str, reference: Decimal | None) -> None:
        self.symbol, self.name, self.reference = symbol, name, reference

    def run(self) -> Iterator[StepResult]:
        for step in Step:
            if step is not Step.KILL:
                ok = StepOutcome.OK
                yield StepResult(step=step, symbol=self.symbol, expected="", happened="", outcome=ok)

    def clean_up(self) -> tuple[str, ...]:
        return self.left


class LeavingWalk(FakeWalk):
    left = ("1 AAPL",)


class InterruptedWalk(LeavingWalk):
    def run(self) -> Iterator[StepResult]:
        yield from super().run()
        raise KeyboardInterrupt


class FailingWalk(FakeWalk):
    def run(self) -> Iterator[StepResult]:
        failed = StepOutcome.FAILED
        yield StepResult(step=Step.BUY, symbol=self.symbol, expected="", happened="", outcome=failed)


def walked(
    cli: CommandLineBench,
    *symbols: str,
    walk: type[FakeWalk] = FakeWalk,
    code: ExitCode = ExitCode.DONE,
    kills: bool,
) -> int:
    config = Config.from_env_and_json(cli.config, environ={})
    wishes = CanaryWishes(symbols=symbols or ("AAPL",), kills=kills)
    with own_process_settings():
        return run_canary(
            Invocation(json=True), config, wishes, walk=cast("Any", walk), kill=lambda *_words, **_more: code
        )


@pytest.mark.parametrize(
    ("kills", "code", "outcome"),
    [(False, ExitCode.DONE, "skipped"), (True, ExitCode.OUTCOME_UNKNOWN, "failed"), (True, ExitCode.DONE, "ok")],
)
def test_only_a_confirmed_kill_makes_a_pass_and_json_says_each_step(tmp_path, capsys, kills, code, outcome):
    cli, passed = bench_with(tmp_path), outcome == "ok"
    assert walked(cli, kills=kills, code=code) == (ExitCode.DONE if passed else ExitCode.REFUSED_BY_RULE)
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {answer["v"] for answer in answers} == {1}
    steps, end = answers[:-1], answers[-1]
    assert [step["outcome"] for step in steps] == ["ok"] * 7 + [outcome]
    assert (end["event"], end["passed"], end["mode"], len(end["steps"])) == ("canary_ended", passed, "paper", 8)
    assert (cli.json("risk", "show")["canary"] is not None) is passed


class _InterruptedWalk(FakeWalk):
    def run(self) -> Iterator[StepResult]:
        raise KeyboardInterrupt


def test_a_walk_that_is_interrupted_and_leaves_nothing_ends_as_interrupted(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        walked(bench_with(tmp_path), walk=_InterruptedWalk, kills=True)


@pytest.mark.parametrize("walk", [LeavingWalk, InterruptedWalk])
def test_what_is_left_is_named_with_what_to_do(tmp_path, walk):
    """After a Ctrl-C as well: nobody else would say that shares are held."""
    with pytest.raises(CommandError) as told:
        walked(bench_with(tmp_path), walk=walk, kills=True)
    assert told.value.exit_code == 5
    assert "could not leave everything: 1 AAPL; look at the account" in str(told.value)


def test_no_other_symbol_is_bought_after_a_step_that_failed(tmp_path, capsys):
    assert walked(bench_with(tmp_path), "AAPL", "MSFT", walk=FailingWalk, kills=True) == ExitCode.REFUSED_BY_RULE
    *steps, _ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(step["symbol"], step["outcome"]) for step in steps] == [("AAPL", "failed"), (None, "skipped")]


def test_a_step_that_fails_leaves_the_kill_out_and_is_told_with_what_was_expected(tmp_path):
    cli = bench_with(tmp_path, risk_management={"max_trades_per_day": 1})
    done = cli("canary", "AAPL", "--kill")
    assert done.returncode == 5
    assert "FAILED AAPL cancel_race: blocked: 1 orders were placed" in done.stdout
    assert "- expected: a resting buy that is cancelled at once ends, cancelled or filled" in done.stdout
    assert "SKIPPED kill: left out, because a step failed" in done.stdout
    assert "the canary did not pass: " in done.stdout
    assert cli("positions").stdout.startswith("no positions")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["NOSUCH"], 5, "it has no two-sided quote"),
        (["A", "B", "C", "D"], 5, "3 symbols at most"),
        (["AAPL", "--confirm", "LIVE 0001"], 5, "that is not the phrase for paper mode"),
        (["AAPL", "--reference-price", "many"], 2, "dollars above zero"),
        (["AAPL", "--reference-price", "0.00"], 2, "dollars above zero"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_cannot_be_walked_is_one_line_and_nothing_is_sent(tmp_path, arguments, code, said):
    cli = bench_with(tmp_path)
    done = cli("canary", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_closed_market_has_its_own_exit_code(tmp_path):
    cli = bench_with(tmp_path, trading={"calendar": "NYSE", "hours": {"start_time": "09:30", "end_time": "09:31"}})
    done = cli("canary", "AAPL")
    assert done.returncode == 10
    assert "run the canary in the regular session" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--confirm", "LIVE 0002"], 5, "that is not the phrase for live mode"),
        (["--reference-price", "12"], 2, "leave --reference-price out"),
        ([], 4, "run `trading-bot login`"),
    ],
)
def test_a_live_canary_takes_a_phrase_prices_of_the_market_and_a_login(tmp_path, arguments, code, said):
    done = bench_with(tmp_path, **LIVE)("canary", "F", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_live_the_question_says_how_many_shares_and_the_most_they_may_cost(tmp_path):
    place = place_of(Config.model_validate({**LIVE, "state_dir": str(tmp_path)}))
    plan = CanaryPlan(limits={"F": Decimal("12.51"), "T": Decimal("20.02")})
    with pytest.raises(CommandError) as refused:
        _take_consent(Invocation(), place, phrase=None, plan=plan)
    assert "3 shares of each at most, $97.59 in all" in str(refused.value)
    assert '--confirm "LIVE ...."' in str(refused.value)
