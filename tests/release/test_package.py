"""What is built has all that it needs, and works where the clone is not."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from release.package import FAILED, NO_PYTHON, Built, StepFailedError, bare, build, candidates, main, pythons, run
from tests.support.command_line import REPOSITORY
from tests.support.source_tree import PACKAGE

pytestmark = pytest.mark.subprocess


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    return build(tmp_path_factory.mktemp("built"), REPOSITORY)


def test_the_wheel_has_every_file_of_the_package_and_no_other(built: Built):
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    names = {path.relative_to(PACKAGE.parent).as_posix() for path in files}
    packed = {name for name in zipfile.ZipFile(built.wheel).namelist() if ".dist-info/" not in name}
    assert packed == names


def test_the_source_distribution_has_what_a_user_and_a_packager_needs(built: Built):
    wanted = [
        "requirements.lock",
        "requirements-build.lock",
        "Makefile",
        "LICENSE",
        "CHANGELOG.md",
        "config.example.json",
    ]
    wanted += ["docs/licences.md", "scripts/dry_run.sh", "tests/constraints.txt", "examples/docker/Dockerfile"]
    assert [name for name in wanted if not (built.source / name).is_file()] == []
    tests = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "tests").rglob("*.py")}
    assert [path for path in sorted(tests) if not (built.source / path).is_file()] == []


def test_the_source_distribution_has_no_environment_and_no_log_of_this_machine(built: Built):
    found = {path.relative_to(built.source).parts[0] for path in built.source.rglob("*")}
    assert found & {".venv", ".venv-lowest", ".venv-release", ".git", "dist", "state", ".env", "config.json"} == set()
    assert {path.name for path in (built.source / "logs").iterdir()} == {"README.md", "sample-dry-run.jsonl"}


def test_the_wheel_trades_the_bundled_day_in_a_folder_that_has_nothing_of_the_clone(built: Built, tmp_path: Path):
    unpacked, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    zipfile.ZipFile(built.wheel).extractall(unpacked)
    environment = {**bare(tmp_path), "PYTHONPATH": str(unpacked)}
    where = "import trading_bot; print(trading_bot.__file__)"
    assert run([sys.executable, "-P", "-c", where], empty, environment).startswith(str(unpacked))
    said = run([sys.executable, "-P", "-m", "trading_bot", "demo"], empty, environment)
    assert "filled" in said
    assert (empty / "logs" / "demo").is_dir()


def test_a_step_that_fails_says_which_and_what_it_said(tmp_path: Path):
    with pytest.raises(StepFailedError, match=r"ended with 7:\nno luck"):
        run([sys.executable, "-c", "import sys; print('no luck'); sys.exit(7)"], tmp_path)


def test_the_installed_bot_sees_nothing_of_the_users_settings(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TRADING_BOT_LOGS_DIR", "/somewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = bare(tmp_path)
    assert [name for name in found if name.startswith(("TRADING_BOT_", "PYTHON"))] == []
    assert (found["HOME"], found["PATH"]) == (str(tmp_path), os.environ["PATH"])


def test_a_python_counts_only_if_it_runs(tmp_path: Path):
    broken = tmp_path / "python3.12"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    found = pythons({"3.11": [str(broken), sys.executable], "3.12": [str(broken)], "3.13": []})
    assert found == {"3.11": sys.executable}


def test_pythons_are_looked_for_on_the_path_and_among_those_of_pyenv(tmp_path: Path, monkeypatch):
    there = tmp_path / "versions" / "3.13.0" / "bin" / "python3.13"
    there.parent.mkdir(parents=True)
    there.touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert candidates() == {"3.11": [], "3.12": [], "3.13": [str(there)]}


def test_a_machine_without_a_python_to_try_is_no_success(capsys):
    assert main(["--python", "3.12"], places={"3.12": []}) == NO_PYTHON
    assert capsys.readouterr().out == "Python 3.12: not on this machine, not tried\n"


def test_a_package_that_cannot_be_built_fails(tmp_path: Path, capsys):
    assert main([], places={"3.11": [sys.executable]}, origin=tmp_path) == FAILED
    assert "hatchling build" in capsys.readouterr().err
