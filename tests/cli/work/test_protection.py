"""``protect`` and ``protections`` as they are typed."""

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.work.protections import state_of


def held(tmp_path) -> CommandLineBench:
    cli = CommandLineBench(tmp_path)
    done = cli("buy", "AAPL", "10", "--reference-price", "100", "--pricing", "marketable", "--stop", "90")
    assert done.returncode == 0, done.stderr
    return cli


def test_a_plan_is_set_listed_replaced_and_ended(tmp_path):
    cli = held(tmp_path)
    for _ in range(50):  # the paper exchange takes a moment of real time for a fill
        cli("sync")
        if "rests" in cli("protections").stdout:
            break
    row = cli("protections").stdout.splitlines()[1].split(maxsplit=5)
    assert row == ["AAPL", "10", "90.00", "-", "-", "stop rests at the broker"]
    done = cli("protect", "aapl", "--stop", "91", "--target", "120", "--trail", "5%")
    said = "AAPL: 10 shares protected: stop 91.00 rests at the broker; target 120.00 is watched; trail 5 %"
    assert done.returncode == 0
    assert done.stdout.startswith(said)
    assert "start one with 'trading-bot run'" in done.stderr
    assert "no guarantee" in done.stderr
    (plan,) = cli.json("protect", "--list")["protections"]
    assert (plan["stop"], plan["stop_limit"], plan["trail_pct"], plan["stop_rests"]) == ("91", "90.09", "5", True)
    assert cli("protect", "AAPL", "--off").stdout == "AAPL is not protected any more\n"
    assert cli("protections").stdout == "nothing is protected\n"


def test_what_cannot_be_a_plan_is_one_line_with_its_exit_code(tmp_path):
    cli = CommandLineBench(tmp_path)
    wrong = {
        ("protect",): (2, "name a SYMBOL"),
        ("protect", "AAPL"): (2, "needs a stop, a target or a trail"),
        ("protect", "AAPL", "--list"): (2, "--list stands alone"),
        ("protect", "AAPL", "--off", "--stop", "1"): (2, "--off ends the protection"),
        ("protect", "AAPL", "--stop", "1", "--quantity", "1.5"): (2, "a whole number of shares"),
        ("protect", "AAPL", "--trail", "x"): (2, "a trail is a per cent"),
        ("protect", "AAPL", "--stop", "90"): (2, "no share is held"),
        ("protect", "AAPL", "--off"): (2, "has no protection"),
        ("protect", "AAPL", "--stop", "100"): (5, "would sell at once"),
    }
    for words, (code, text) in wrong.items():
        done = cli(*words)
        assert (done.returncode, done.stdout) == (code, "")
        assert text in done.stderr
        assert len(done.stderr.splitlines()) == 1


PLAN = {
    "suspended": None,
    "suspended_because": None,
    "ending": None,
    "waits_for_entry": False,
    "stop": "90",
    "stop_rests": False,
    "not_resting_because": None,
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "stop is watched"),
        ({"not_resting_because": "the shares are held"}, "stop is watched: the shares are held"),
        ({"stop_rests": True}, "stop rests at the broker"),
        ({"stop": None}, "watched"),
        ({"waits_for_entry": True}, "waits for its entry to fill"),
        ({"ending": "off"}, "ending"),
        ({"suspended": "split", "suspended_because": "they were split"}, "suspended: they were split"),
    ],
)
def test_a_plan_says_what_it_does_now(changes, said):
    assert state_of({**PLAN, **changes}) == said
