"""A journal's writer killed by SIGKILL: at every statement of SQLite, at every call of the disk, and under load.

More of them: FAULT_DEPTH=20 pytest tests/real/test_database_kills.py
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.command_line import REPOSITORY

pytestmark = [
    pytest.mark.subprocess,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the writers are forks"),
]

DEPTH = os.environ.get("FAULT_DEPTH", "1")
FEWEST = {"statements": 60, "calls": 60, "load": 10}


@pytest.fixture(params=list(FEWEST), scope="module")
def deaths(request, tmp_path_factory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.database_killer", str(folder), request.param, DEPTH],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) >= FEWEST[request.param]
    return found


def test_every_acknowledged_commit_is_there_whole_and_the_journal_goes_on(deaths):
    assert [death for death in deaths if death["problems"]] == []


def test_the_writer_was_killed_from_before_its_first_commit_until_its_end(deaths):
    counts = [death["acknowledged"] for death in deaths]
    assert len(set(counts)) > len(FEWEST)
    assert not all(death["done"] for death in deaths)
