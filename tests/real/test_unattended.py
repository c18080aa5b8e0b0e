"""A bot that nobody sits beside: fed through a FIFO, hung up on, stopped and started again."""

import json
import signal
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.running_bot import SIGNAL, in_background

pytestmark = pytest.mark.subprocess


def send(fifo: Path, name: str) -> None:
    with fifo.open("w", encoding="utf-8") as writer:
        writer.write(json.dumps(SIGNAL | {"client_order_id": name}) + "\n")


def test_it_takes_signals_from_one_writer_after_the_other_until_it_is_stopped_and_goes_on_where_it_was(tmp_path):
    cli = CommandLineBench(tmp_path, {"order_management": {"duplicate_window_s": 0, "max_pending_per_side": 9}})
    fifo = tmp_path / "signals.fifo"
    run = ("--json", "run", "--daemon-friendly", "--signals", str(fifo))
    with in_background(cli.config, *run) as bot:
        bot.wait_for(fifo)
        for name in ("one", "two"):
            send(fifo, name)
            results = [json.loads(bot.read_line()) for _ in range(2)]  # the event and the result
            assert {line["client_order_id"] for line in results} == {name}
        bot.hang_up()
        assert "settings are read once" in bot.read_error_line()
        stopped = cli("stop")
        assert (stopped.returncode, stopped.stdout) == (
            0,
            f"process {bot.pid} has ended; 2 orders were open, and nothing is done about that\n",
        )
        code, _, said = bot.end()
        assert code == 0
        assert "stopped by 'trading-bot stop'; orders still open: 2" in said
    log = [json.loads(line) for line in (tmp_path / "logs" / "trading-bot.log").read_text("utf-8").splitlines()]
    assert [line["client_order_id"] for line in log if line["event"] == "order_submitted"] == ["one", "two"]
    with in_background(cli.config, *run) as bot:
        send(fifo, "one")
        assert json.loads(bot.read_line())["status"] == "duplicate"
        code, out, _ = bot.end(signal.SIGTERM)
        assert code == 143
        assert json.loads(out.splitlines()[-1])["summary"]["open"] == 2
