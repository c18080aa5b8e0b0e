"""docs/your-first-strategy.md works as it stands: each block of it is run here."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command_line import REPOSITORY, child_environment

PAGE = REPOSITORY / "docs" / "your-first-strategy.md"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
FILES = {
    match[1]: text
    for kind, text in BLOCKS
    if kind == "python" and (match := re.match(r"# (\w+\.py)\n", text)) is not None
}
SESSIONS = [text for kind, text in BLOCKS if kind == "console"]


UNREADABLE = """\
from trading_bot import OrderStatusError

class Dip:
    def __init__(self, symbol, shares): ...

    def look(self, bot):
        raise OrderStatusError("no quotes")
"""


class EndOfTestError(Exception):
    """Ends a program that would run for ever."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a reader who has typed every file of the page."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_every_block_is_of_a_kind_that_is_run_here():
    kinds = [kind for kind, _ in BLOCKS]
    assert sorted(kinds) == sorted(["", *["python"] * (len(FILES) + 1), *["console"] * len(SESSIONS)])
    assert list(FILES) == ["dip.py", "day.py", "test_dip.py"]


def test_the_bot_is_installed_as_the_makefile_does():
    (typed,) = (text for kind, text in BLOCKS if not kind)
    assert typed == "make install\n. .venv/bin/activate\n"
    assert re.search(r"^install: ", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.subprocess
@pytest.mark.parametrize("session", SESSIONS, ids=lambda text: text.splitlines()[0])
def test_a_command_says_what_the_page_shows(folder, session):
    command, _, shown = session.partition("\n")
    program, *arguments = command.removeprefix("$ ").split()
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=child_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert re.sub(r"in [\d.]+s", "in 0.5s", done.stdout) == re.sub(r"in [\d.]+s", "in 0.5s", shown)
    assert done.returncode == 0


def names_after(looks: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The names of the page's program for an account, ended while it waits after so many looks at the market."""
    (program,) = (text for kind, text in BLOCKS if kind == "python" and text not in FILES.values())
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == looks:
            raise EndOfTestError

    (folder / "config.json").write_text('{"logs_dir": "logs", "state_dir": "state"}', encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "dip", raising=False)
    for name in [name for name in os.environ if name.startswith("TRADING_BOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(time, "sleep", sleep)
    names: dict[str, object] = {}
    with pytest.raises(EndOfTestError):
        exec(compile(program, str(PAGE), "exec"), names)
    assert waits == [60] * looks
    return names


def test_the_same_strategy_runs_on_an_account_until_it_is_ended(folder, monkeypatch):
    names = names_after(1, folder, monkeypatch)
    assert not getattr(names["bot"], "is_running")  # noqa: B009 - a program's own name
    assert (folder / "logs" / "orders.jsonl").is_file()


def test_a_broker_that_cannot_be_read_once_does_not_end_it(folder, monkeypatch, capsys):
    (folder / "dip.py").write_text(UNREADABLE, encoding="utf-8")
    names_after(2, folder, monkeypatch)
    assert capsys.readouterr().out == "no quotes\n" * 2
