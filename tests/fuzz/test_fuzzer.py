"""The fuzzer itself: what breaks a promise is found, with the input that did it."""

import json
import logging
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from tests.fuzz import __main__ as fuzz
from tests.fuzz import run
from tests.fuzz.__main__ import main
from tests.fuzz.bounds import (
    BoundBrokenError,
    MemoryBound,
    bounded,
    check_message,
    misplaced,
    refuse_control,
    refuse_secrets,
)
from tests.fuzz.doors.control_frames import check_orders
from tests.fuzz.doors.signal_text import check_traded, lines_of, traded
from tests.fuzz.mutation import LONGEST, Mutator
from tests.fuzz.registry import TARGETS
from tests.fuzz.run import Tally, lived, opened, rounds_of, why_broken
from tests.fuzz.targets import Target
from trading_bot.logging.setup import get_logger
from trading_bot.operations import ListOrders, PlaceOrder
from trading_bot.order_management.models import RefId, Side


def planted(door) -> Target:
    return Target(name="signals", open=lambda _: door)


def tally_of(door, monkeypatch) -> Tally:
    monkeypatch.setattr(run, "TARGETS", {"planted": planted(door)})
    return lived("planted", 1, range(60))


def test_an_error_that_is_not_ours_is_found_with_its_input(monkeypatch):
    seen = []

    def door(data: bytes) -> str:
        seen.append(data)
        if len(seen) == 5:
            raise IndexError("tuple index out of range")
        return "read"

    tally = tally_of(door, monkeypatch)
    [broken] = tally.broken
    assert (broken.number, broken.data) == (3, seen[4])
    assert "IndexError" in broken.why
    assert tally.endings == {"read": 59, "broken IndexError": 1}


def test_a_secret_in_the_log_is_found(monkeypatch):
    log, calls = get_logger("trading_bot.x"), iter(range(100))

    def door(_data: bytes) -> str:
        if next(calls):
            log.info("told", path="canary-topic")
        return "read"

    tally = tally_of(door, monkeypatch)
    assert len(tally.broken) == 60
    assert "secrets are shown" in tally.broken[0].why


def test_the_log_is_left_as_it_was():
    with opened(planted(lambda _: "read")):
        pass
    assert logging.getLogger("trading_bot").propagate


def test_a_hang_is_ended():
    def spin() -> None:
        while True:
            pass

    with pytest.raises(BoundBrokenError, match=r"more than 0\.05 s"), bounded(most_s=0.05):
        spin()


def test_an_input_that_hangs_is_a_find_and_the_next_one_goes_on(monkeypatch):
    monkeypatch.setattr(run, "bounded", lambda size: bounded(size, most_s=0.05))

    def door(data: bytes) -> str:
        while data == b"hang":
            pass
        return "read"

    tally = Tally()
    assert "BoundBrokenError" in (why_broken(door, b"hang", tally) or "")
    assert why_broken(door, b"", tally) is None
    assert tally.endings == {"broken BoundBrokenError": 1, "read": 1}


def test_an_input_that_ends_the_process_is_a_find():
    assert "SystemExit" in (why_broken(lambda _: sys.exit(0), b"", Tally()) or "")


def test_a_long_input_that_is_read_once_is_no_find():
    """The dearest reading there is."""
    with opened(TARGETS["signals"]) as take:
        assert why_broken(take, b"\n" * (128 * 1024), Tally()) is None


def test_a_long_input_that_is_read_as_often_as_it_is_long_is_found(monkeypatch):
    monkeypatch.setattr(run, "bounded", lambda size: bounded(size, most_s=0.05))

    def door(data: bytes) -> str:
        for _ in data:
            for _ in data:
                pass
        return "read"

    assert "BoundBrokenError: it took more than 0.11 s" in (why_broken(door, b"x" * (16 * 1024), Tally()) or "")


@pytest.mark.parametrize(("grown_mib", "is_found"), [(192 + 3 * 128, False), (192 + 3 * 128 + 1, True)])
def test_the_memory_that_an_input_may_take_grows_with_its_length(grown_mib, is_found):
    peaks = iter([0, grown_mib * 1024])
    memory = MemoryBound(peak_kib=lambda: next(peaks))
    assert (memory.problem(longest=3 * 1024 * 1024) is not None) == is_found


class OneLong(Target):
    """Makes one input of a MiB."""

    def made(self, seed: int, number: int) -> bytes:
        return b"x" * (1024 * 1024 if number == 7 else 0)


def test_a_long_input_allows_no_memory_to_those_that_are_looked_at_later(monkeypatch):
    """The first look is behind a long input, the second behind none; both see as much of new memory."""
    peaks = iter([0, 300 * 1024, 600 * 1024])
    monkeypatch.setattr(run, "MemoryBound", lambda: MemoryBound(peak_kib=lambda: next(peaks)))
    monkeypatch.setattr(run, "TARGETS", {"long": OneLong(name="signals", open=lambda _: lambda _: "read")})
    assert [each.number for each in lived("long", 1, range(100)).broken] == [99]


def test_memory_is_bounded():
    memory = MemoryBound(most_kib=50 * 1024)
    assert memory.problem() is None
    bytearray(400 * 1024 * 1024)[::4096] = b"x" * (100 * 1024)
    problem = memory.problem()
    assert problem is not None
    assert "MiB of memory" in problem
    assert memory.problem() is None


@pytest.mark.parametrize("text", ["canary-topic", "CANARY-USER%40EXAMPLE.COM", "Y2FuYXJ5LWNvZGU"])
def test_a_secret_is_found_in_clear_and_as_it_travels(text):
    with pytest.raises(AssertionError, match="secrets are shown"):
        refuse_secrets(f"x{text}x")


def test_a_secret_that_stands_where_nobody_can_know_it_is_let_pass():
    assert misplaced(b'token="canary-code" x', {"canary-code": b'token="'}) == set()
    assert misplaced(b'token="canary-code" name="canary-code"', {"canary-code": b'token="'}) == {"canary-code"}


@pytest.mark.parametrize("text", ["\x1b[2J", "a\0", "\u202eLPAA", "\x85", "\r"])
def test_a_control_character_is_found(text):
    with pytest.raises(AssertionError, match="control character"):
        refuse_control(text)


def test_a_message_without_an_end_is_found():
    with pytest.raises(AssertionError, match="as long as"):
        check_message("x" * 1025)


ASKED = PlaceOrder(symbol="AAPL", side=Side.BUY, quantity=1, reference_price=Decimal(100))


@pytest.mark.parametrize(
    ("command", "orders"),
    [
        (ASKED, [("AAPL", "buy", 1000)]),
        (ASKED, [("AAPL", "sell", 1)]),
        (ASKED, [("AAPL", "buy", 1), ("AAPL", "buy", 1)]),
        (ListOrders(), [("AAPL", "buy", 1)]),
        (ListOrders(), [("AAPL", "sell", 51)]),
    ],
)
def test_an_order_that_a_command_did_not_ask_for_is_found(command, orders):
    with pytest.raises(AssertionError):
        check_orders(command, orders)


SIGNALS = b"""\
{"symbol":"AAPL","action":"buy","shares":2,"price":"250.10","reason":"x"}
{"symbol":"AAPL","action":"sell","shares":3,"price":"249.90","reason":"x"}
"""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda orders: [*orders, replace(orders[0])],
        lambda orders: [*orders, replace(orders[0], ref_id=RefId("another"))],
        lambda orders: [replace(orders[0], terms=replace(orders[0].terms, quantity=3)), orders[1]],
        lambda orders: [replace(orders[0], terms=replace(orders[0].terms, side=Side.SELL)), orders[1]],
        lambda orders: [replace(orders[0], ref_id=orders[1].ref_id), replace(orders[1], ref_id=orders[0].ref_id)],
    ],
    ids=["sent twice", "bought twice", "another quantity", "another side", "the terms of another signal"],
)
def test_an_order_that_a_signal_did_not_ask_for_is_found(spoil, tmp_path):
    results, orders = traded(tmp_path, list(lines_of(SIGNALS)))
    assert len(orders) == 2
    check_traded(results, orders)
    with pytest.raises(AssertionError):
        check_traded(results, spoil(orders))


def test_inputs_differ_and_stay_within_bounds():
    mutator = Mutator((b'{"a": 1, "b": [true, "c"]}', b"x=1\ny=2\n"))
    made = {mutator.made(Random(number)) for number in range(300)}
    assert len(made) > 200
    assert max(map(len, made)) <= LONGEST


def test_an_unknown_door_is_named():
    with pytest.raises(SystemExit, match="there is no door nowhere; there are config, "):
        main(["nowhere"])


def test_a_run_of_some_rounds_says_what_it_did_and_keeps_its_figures(tmp_path, capsys):
    figures = tmp_path / "figures.json"
    assert main(["answers", "quotes", "--inputs", "1000", "--seed", "5", "--figures", str(figures)]) == 0
    kept = json.loads(figures.read_text())
    assert (kept["count"], kept["violations"], kept["seed"]) == (1400, 0, 5)
    assert kept["command"] == "python -m tests.fuzz answers quotes --inputs 1000 --workers 1 --seed 5"
    assert {name: door["inputs"] for name, door in kept["doors"].items()} == {"answers": 800, "quotes": 600}
    assert "1400 inputs, 0 broke a promise" in capsys.readouterr().out


@pytest.mark.parametrize("inputs", ["0", "-5"])
def test_a_run_that_tried_nothing_is_no_good_run(inputs):
    assert main(["quotes", "--inputs", inputs]) == 1


def test_a_run_that_was_stopped_is_no_good_run(monkeypatch, tmp_path, capsys):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fuzz, "_do", stopped)
    figures = tmp_path / "figures" / "kept.json"
    assert main(["quotes", "--inputs", "10", "--figures", str(figures)]) == 1
    assert json.loads(figures.read_text())["count"] == 0
    assert "stopped before its end" in capsys.readouterr().out


def test_a_run_that_dies_leaves_no_figures(monkeypatch, tmp_path):
    def died(*_: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(fuzz, "_do", died)
    with pytest.raises(BrokenProcessPool):
        main(["quotes", "--figures", str(tmp_path / "kept.json")])
    assert not (tmp_path / "kept.json").exists()


def test_a_run_goes_on_where_an_earlier_one_ended():
    names = ["answers", "quotes"]
    both = [*rounds_of(names, inputs=1400), *rounds_of(names, inputs=1400, first=1400)]
    assert both == list(rounds_of(names, inputs=2800))
    assert both[0] == ("answers", range(800))
