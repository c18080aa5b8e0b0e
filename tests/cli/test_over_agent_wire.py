"""Every command that asks the broker, on a paper account whose exchange speaks the agent interface.

What they say is tested where they are; here it is that the interface gives each what it needs.
"""

from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench

SIGNAL = '{"symbol":"MSFT","action":"buy","shares":3,"price":"100","reason":"a test","client_order_id":"c4"}\n'
STEPS: tuple[tuple[str, int, str], ...] = (
    ("preview buy AAPL 10 --reference-price 100 --pricing marketable", 0, "would be sent: buy 10 AAPL limit 100.15"),
    ("buy AAPL 10 --reference-price 100 --pricing marketable --client-order-id c1", 0, "submitted"),
    ("status c1", 0, "filled 10 / 10"),
    ("buy AAPL 10 --reference-price 100 --pricing marketable --client-order-id c1", 5, "already stands"),
    ("buy AAPL 5 --reference-price 90 --client-order-id c2", 0, "submitted"),
    ("replace c2 --reference-price 91 --client-order-id c3", 0, "c3"),
    ("cancel c3", 0, "cancelled"),
    ("sell AAPL 2 --reference-price 99.98 --pricing marketable --client-order-id s1", 0, "submitted"),
    ("status s1", 0, "filled 2 / 2"),
    ("sell AAPL 50 --reference-price 99.98", 5, "shares"),
    ("account", 0, "buying power"),
    ("tie-out", 0, "all agree"),
    ("quote AAPL MSFT", 0, "99.98"),
    ("quote NOSUCH", 7, "no quote of NOSUCH"),
    ("protect AAPL --stop 95", 0, "95"),
    ("run --signals signals.jsonl", 0, "submitted       buy 3 MSFT"),
    ("cancel-all --yes", 0, "MSFT"),
    ("exit AAPL", 0, "sold"),
    ("resume AAPL", 0, "AAPL"),
    ("doctor", 0, "can be read"),
)


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLineBench:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "signals.jsonl").write_text(SIGNAL, encoding="utf-8")
    return CommandLineBench(
        tmp_path, {"paper": {"quotes_file": "quotes.jsonl", "wire": "agent"}, "order_management": {}}
    )


def is_told(command_line: CommandLineBench, step: str, said: str) -> bool:
    done = command_line("sync")
    assert "placed elsewhere" in done.stdout, done
    return said in command_line(*step.split()).stdout


def test_every_command_works_over_the_agent_interface(command_line):
    trouble = []
    for step, code, said in STEPS:
        if step.startswith("status"):  # the paper exchange takes a moment of real time for a fill
            assert any(is_told(command_line, step, said) for _ in range(50))
        done = command_line(*step.split())
        if done.returncode != code or said not in done.stdout + done.stderr:
            trouble.append((step, done.returncode, done.stdout + done.stderr))
    assert not trouble, "\n".join(map(str, trouble))
