"""On a real link that breaks: bytes of an order do not outlive it, whatever becomes of the process that wrote them."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.command_line import REPOSITORY, SOURCE
from tests.support.link_lab import NO_NETWORK, WRITERS
from trading_bot.robinhood.order_socket import expiry_option

pytestmark = pytest.mark.subprocess


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What was written while the link was down, and what of it the broker heard once it was up again."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("there is no unshare or no ip here to make a network with")
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "tests.support.link_lab", "lab", str(tmp_path_factory.mktemp("lab"))],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, REPOSITORY)))},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if done.returncode == NO_NETWORK or "unshare:" in done.stderr:
        pytest.skip(f"this machine gives nobody a network of his own: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    outcome: dict[str, list[str]] = json.loads(done.stdout)
    return outcome


def test_every_writer_had_written_when_it_was_struck(outcome):
    assert outcome["began"] == ["ready"] * len(WRITERS)
    assert all(word.startswith("written") for word in outcome["written"])


@pytest.mark.parametrize("ending", ["killed", "frozen"])
def test_what_is_not_bound_arrives_long_after_its_writer_was_struck(outcome, ending):
    """The control: without this, the silence below would prove nothing."""
    assert f"other-{ending}" in outcome["heard"]


def test_an_order_of_a_killed_process_never_arrives(outcome):
    assert "order-killed" not in outcome["heard"]


@pytest.mark.skipif(expiry_option() is None, reason="this platform bounds the age of written bytes by no option")
def test_an_order_of_a_frozen_process_never_arrives_after_its_attempt(outcome):
    assert "order-frozen" not in outcome["heard"]
