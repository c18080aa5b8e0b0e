"""The paper dry run: the script does what the notes show, and the record of one run is kept as a sample."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.command_line import REPOSITORY, child_environment
from trading_bot.audit.proof import prove
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.journal.chain import decode_alone

SCRIPT = REPOSITORY / "scripts" / "dry_run.sh"
SAMPLE = REPOSITORY / "logs" / "sample-dry-run.jsonl"
NOTES = (REPOSITORY / "specs" / "order-management" / "NOTES.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| .*$", NOTES.split("## A paper dry run")[1].split("\n## ")[0], re.MULTILINE)
QUICK = 4
"""Steps of the script that the build does: a preview, two orders, and one of them again."""


class NoRows:
    """A database without a record, so that the proof is of the log alone."""

    def records(self, *, after, limit):
        return ()

    def key_counts(self):
        return {}

    def pointers(self, *, after, limit):
        return ()

    def keys(self, kind, *, after, limit):
        return ()


def texts_of(value: object) -> Iterator[str]:
    match value:
        case dict():
            for each in value.values():
                yield from texts_of(each)
        case str():
            yield value


@pytest.mark.subprocess
def test_the_script_prints_the_table_of_the_notes(tmp_path):
    """The slow steps at its end, an exit and a kill, are left to a person."""
    done = subprocess.run(
        [SCRIPT, "--steps", str(QUICK), tmp_path / "run"],
        env=child_environment(tmp_path) | {"PYTHON": sys.executable, "TRADING_BOT_PAPER__STARTING_CASH": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2:] == TABLE[1 : 1 + QUICK]
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert made == {"config.json", "logs", "quotes.jsonl", "signals.jsonl", "state"}


@pytest.mark.subprocess
def test_a_step_that_ends_otherwise_fails_the_dry_run_and_says_how(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such day\nexit 3\n", encoding="utf-8")
    broken.chmod(0o700)
    done = subprocess.run(
        [SCRIPT, "run"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHON": "./python"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "exit code 3, expected 0" in done.stderr
    assert "no such day" in done.stderr


@pytest.mark.subprocess
@pytest.mark.parametrize("arguments", [["--help"], ["--steps"], ["--steps", "x", "run"]], ids=" ".join)
def test_a_wrong_argument_makes_no_folder_and_says_how_to_call_it(arguments, tmp_path):
    done = subprocess.run(
        [SCRIPT, *arguments],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: scripts/dry_run.sh [--steps N] [FOLDER]\n"
    assert list(tmp_path.iterdir()) == []


def test_the_notes_show_every_step_of_the_script():
    steps = re.findall(r"^step (\d+) .* -- (\S+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(TABLE) == 1 + len(steps)
    assert [row.split(" | ")[1] for row in TABLE[1:]] == [code for code, _ in steps]


def test_the_chain_of_the_sample_is_proven_from_its_first_record_to_its_last():
    proof = prove(NoRows(), SAMPLE)
    lines = SAMPLE.read_bytes().splitlines()
    assert proof.log.fault is None
    assert (proof.log.first, proof.log.seq, proof.log.hash) == (1, len(lines), json.loads(lines[-1])["hash"])


def test_a_changed_sample_would_not_be_proven(tmp_path):
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(SAMPLE.read_bytes().replace(b'"limit_price":"270.40"', b'"limit_price":"270.41"'))
    assert prove(NoRows(), changed).log.fault is not None


def test_the_sample_ends_with_every_order_closed():
    book = OrderBook.replayed(decode_alone(line) for line in SAMPLE.read_bytes().splitlines())
    ended = {order.client_order_id: order.state.value for order in book.orders()}
    (exit_leg,) = set(ended) - {"first", "second", "third", "fourth"}
    assert ended == {
        "first": "filled",
        "second": "cancelled",
        "third": "filled",
        "fourth": "cancelled",
        exit_leg: "filled",
    }


def test_the_sample_names_no_machine_no_folder_and_no_user():
    """Whatever is no number, time or generated id is a word of the bot or of the script, none of it with a place."""
    generated = r"-?[\d.]+|[0-9a-f]{16,64}(-\d+)?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\d-]{10}T[\d:.]+Z"
    lines = [json.loads(line) for line in SAMPLE.read_bytes().splitlines()]
    words = {text for line in lines for text in texts_of(line) if not re.fullmatch(generated, text)}
    assert not [word for word in words if re.search(r"[/\\@~]", word)]
    assert {line["execution_mode"] for line in lines if "execution_mode" in line} == {"paper"}
    assert {line["details"]["account_suffix"] for line in lines if line["event"] == "journal_opened"} == {"0001"}
