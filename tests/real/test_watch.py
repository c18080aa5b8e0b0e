"""A bot and those who watch it, each a process of its own."""

import json
import signal
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.running_bot import SIGNAL, in_background, running_bot
from tests.support.terminal import Screen
from trading_bot.cli.account_place import place_of
from trading_bot.config import Config

pytestmark = pytest.mark.subprocess


def test_a_watcher_sees_orders_as_they_happen_until_ctrl_c_and_another_until_the_bots_end(tmp_path: Path):
    cli = CommandLineBench(tmp_path, {"order_management": {"poll_interval_seconds": 1}})
    with (
        running_bot(cli.config) as bot,
        in_background(cli.config, "--json", "watch") as one,
        in_background(cli.config, "watch") as other,
    ):
        assert f"process {bot.pid}" in one.read_error_line()
        assert f"process {bot.pid}" in other.read_error_line()
        bot.write_line(json.dumps(SIGNAL | {"symbol": "AAPL", "client_order_id": "seen", "price": "90"}))
        event = json.loads(one.read_line())
        assert (event["event"], event["client_order_id"]) == ("order_submitted", "seen")
        assert "submitted       buy 1 AAPL" in other.read_line()
        place_of(Config.from_env_and_json(cli.config)).state.latch.unlink()  # what a kill does first
        line = one.read_line()
        halt = json.loads(line)
        assert (halt["event"], halt["cause"]) == ("trading_halted", "not_armed")
        code, rest, complaint = one.end(signal.SIGINT)
        assert (code, complaint) == (130, "")
        assert rest.strip() in ("", line.strip())  # Ctrl-C in the instant of a write can repeat it
        assert bot.end()[0] == 0
        code, _, said = other.end()
        assert (code, said) == (0, "trading-bot: the bot has stopped\n")


def test_the_live_view_shows_the_orders_of_a_running_bot_cancels_one_and_gives_the_terminal_back(tmp_path: Path):
    cli = CommandLineBench(tmp_path, {"order_management": {"poll_interval_seconds": 1}})
    with running_bot(cli.config) as bot:
        screen = Screen(["-c", str(cli.config), "watch"], home=tmp_path, columns=80, lines=24)
        with closing(screen):
            screen.read_until(" PAPER ")
            screen.read_until("OPEN ORDERS 1")
            screen.read_until("POSITIONS none")
            screen.read_until("events from here on")
            bot.write_line(json.dumps(SIGNAL | {"symbol": "AAPL", "client_order_id": "seen", "price": "90"}))
            screen.read_until("OPEN ORDERS 2")
            screen.type("\x1b[F")  # End: the newest order
            screen.type("c")
            screen.read_until("order id seen")
            screen.type("y")
            screen.read_until("cancelled: AAPL order seen")
            screen.read_until("OPEN ORDERS 1")
            screen.type("q")
            code, rest = screen.end()
        assert code == 0
        assert "\x1b[?1049l" in rest
        assert bot.end()[0] == 0
