"""The example units are ones that systemd takes, and the container files name what is there."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import REPOSITORY
from tests.support.command_tree import every_command

UNITS = sorted((REPOSITORY / "examples" / "systemd").iterdir())
DOCKER = REPOSITORY / "examples" / "docker"
OF_OTHERS = {"--create-home", "--uid", "--from", "--wheel-dir"} | {
    f"--{word}" for word in ("no-cache-dir", "require-hashes", "no-deps", "no-index", "no-build-isolation")
}
"""Options of pip, of the container and of its base."""


@pytest.mark.subprocess
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path):
    programs = tmp_path / "trading" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("trading-bot", "python"):
        (programs / name).symlink_to("/bin/true")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", *map(str, UNITS)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("file", [*UNITS, DOCKER / "Dockerfile", DOCKER / "compose.yaml"], ids=lambda path: path.name)
def test_every_command_and_option_that_they_name_exists(file: Path):
    text = "\n".join(line for line in file.read_text("utf-8").splitlines() if not line.startswith("#"))
    commands = every_command()
    options = {option for command in commands.values() for each in command.params for option in each.opts}
    assert set(re.findall(r"(?<=[ \"])--[a-z][a-z-]+", text)) - OF_OTHERS <= options
    named = re.findall(r"trading-bot(?: --[a-z-]+)* ([a-z][a-z-]+)", text)
    assert {(name,) for name in named if name != "bot"} <= set(commands)


def test_the_image_copies_what_is_there_and_runs_a_command_that_is_there():
    lines = (DOCKER / "Dockerfile").read_text("utf-8").splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    copied = [word for words in copies if not words[0].startswith("--from=") for word in words]
    assert copied
    assert all((REPOSITORY / name).exists() for name in copied)
    (command,) = (json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD "))
    assert (command[1],) in every_command()
    assert command[0] == "--no-input", "of the bot alone: a login in the container asks"
    assert 'ENTRYPOINT ["trading-bot"]' in lines


def test_a_strategy_neither_starts_a_bot_that_was_stopped_nor_makes_a_file_in_place_of_the_fifo():
    lines = (REPOSITORY / "examples" / "systemd" / "trading-bot-strategy.service").read_text("utf-8").splitlines()
    assert "Requisite=trading-bot.service" in lines
    assert not any(line.startswith(("Requires=", "Wants=", "BindsTo=")) for line in lines)
    (start,) = (line for line in lines if line.startswith("ExecStart="))
    assert "test -p signals.fifo && exec " in start
