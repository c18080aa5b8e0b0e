"""Stopping all trading, and allowing it again."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench


@pytest.fixture
def desk(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def armed_file(desk: CommandLineBench) -> dict[str, object]:
    return dict(json.loads((desk.state / "armed").read_text(encoding="utf-8")))


def kill_latch(desk: CommandLineBench) -> None:
    """What a kill does first."""
    desk("sync")
    (desk.state / "armed").unlink()


class TestKill:
    def test_it_asks_nothing_cancels_everything_and_proves_it(self, desk):
        desk.buy("first")
        done = desk("kill", "--reason", "a drill")
        assert done.returncode == 0
        assert done.stdout.startswith("NO OPEN ORDERS: trading is off for the paper account ...0001")
        assert "record of this kill: " in done.stdout
        assert "trading is off; a verdict comes within" in done.stderr
        refused = desk.buy("second")
        assert refused.returncode == 5
        assert "trading-bot arm" in refused.stderr


class TestArmPaper:
    @pytest.mark.parametrize("phrase", ["paper", "PAPER 0001", "LIVE 0001", "", "yes"])
    def test_another_phrase_arms_nothing(self, desk, phrase):
        kill_latch(desk)
        done = desk("arm", "--confirm", phrase)
        assert (done.returncode, done.stdout) == (5, "")
        assert not (desk.state / "armed").exists()

    def test_without_a_terminal_the_phrase_is_asked_for_as_an_option(self, desk):
        done = desk("arm")
        assert (done.returncode, done.stdout) == (2, "")
        assert "--confirm PAPER" in done.stderr

    def test_the_phrase_allows_trading_again(self, desk):
        kill_latch(desk)
        assert desk.buy().returncode == 5
        done = desk("arm", "--confirm", "PAPER")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("armed: paper account ...0001")
        assert desk.buy("second").returncode == 0

    def test_paper_stays_armed_unless_hours_are_given(self, desk):
        desk("arm", "--confirm", "PAPER")
        assert armed_file(desk)["expires"] is None
        answer = desk.json("arm", "--confirm", "PAPER", "--hours", "2")
        assert (answer["armed"], answer["mode"], answer["account"], answer["hours"]) == (True, "paper", "...0001", 2)
        assert armed_file(desk)["expires"] is not None

    def test_for_exits_only_an_entry_is_refused_and_the_limits_stay_as_they_are(self, desk):
        kill_latch(desk)
        (desk.state / "risk.json").write_text("torn", encoding="utf-8")
        done = desk("arm", "--confirm", "PAPER", "--exits-only")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("armed for exits only: paper account ...0001")
        assert desk.json("arm", "--confirm", "PAPER", "--exits-only")["exits_only"] is True
        assert (desk.state / "risk.json").read_text(encoding="utf-8") == "torn"
        (desk.state / "risk.json").unlink()
        refused = desk.buy()
        assert refused.returncode == 5
        assert "exits only" in refused.stderr

    @pytest.mark.parametrize("hours", ["0", "-1", "8761", "1.5", "nan"])
    def test_hours_out_of_range_are_refused(self, desk, hours):
        done = desk("arm", "--confirm", "PAPER", "--hours", hours)
        assert (done.returncode, done.stdout) == (2, "")

    def test_it_ends_a_losing_streak(self, desk):
        desk("sync")
        (desk.state / "risk.json").write_text("torn", encoding="utf-8")
        refused = desk.buy()
        assert refused.returncode == 5
        assert "risk.json" in refused.stderr
        desk("arm", "--confirm", "PAPER")
        assert desk.buy("second").returncode == 0


class TestArmLive:
    @pytest.fixture
    def live(self, tmp_path) -> CommandLineBench:
        return CommandLineBench(tmp_path, {"trading": {"mode": "live"}, "account_number": "5QR10001"})

    @pytest.mark.parametrize("phrase", ["LIVE", "LIVE 0002", "live 0001", "PAPER", "LIVE 5QR10001"])
    def test_real_money_takes_the_exact_phrase(self, live, phrase):
        done = live("arm", "--confirm", phrase)
        assert (done.returncode, done.stdout) == (5, "")
        assert not (live.home / "state").exists()

    def test_the_phrase_arms_for_hours_of_this_boot_and_never_for_ever(self, live):
        done = live("arm", "--confirm", "LIVE 0001")
        assert done.returncode == 0
        assert "12 hours" in done.stdout
        assert armed_file(live)["expires"] is not None
        assert "5QR1" not in done.stdout + done.stderr

    def test_a_live_account_that_is_not_named_cannot_be_armed(self, tmp_path):
        desk = CommandLineBench(tmp_path, {"trading": {"mode": "live"}})
        done = desk("arm", "--confirm", "LIVE 0001")
        assert (done.returncode, done.stdout) == (3, "")
        assert "account_number" in done.stderr
