"""A machine without time zone data, as many a slim container is."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import REPOSITORY, SOURCE, run_cli

pytestmark = pytest.mark.subprocess

BUY = ["buy", "AAPL", "1", "--reference-price", "250"]


def without_any_zone(tmp_path: Path) -> dict[str, str]:
    """Hide the system's data, and the package's behind an empty one."""
    hidden = tmp_path / "hidden" / "tzdata"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").touch()
    guard = REPOSITORY / "tests" / "support" / "guard"
    return {"PYTHONTZPATH": "", "PYTHONPATH": f"{hidden.parent}:{guard}:{SOURCE}:{REPOSITORY}"}


def test_without_system_data_the_package_serves(tmp_path):
    assert run_cli(BUY, home=tmp_path, environment={"PYTHONTZPATH": ""}).returncode == 0


@pytest.mark.parametrize(
    "command",
    [BUY, ["orders"], ["config", "check"], ["config", "show"], ["run", "--signals", "-"], ["audit", "tail"], ["demo"]],
    ids=lambda command: command[0],
)
def test_without_any_data_every_command_says_so_in_one_line(tmp_path, command):
    done = run_cli(command, home=tmp_path, environment=without_any_zone(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1] == (
        "trading-bot: time zone data is missing (America/New_York cannot be found); "
        "install it with: pip install tzdata."
    )


def test_the_doctor_has_a_line_for_it(tmp_path):
    done = run_cli(["--json", "doctor"], home=tmp_path, environment=without_any_zone(tmp_path))
    checks = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    assert done.returncode == 3
    assert checks["time zones"]["finding"] == "failed"
    assert checks["time zones"]["detail"].endswith("pip install tzdata")
