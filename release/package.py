"""Build the package, and try it where the clone is not: on each Python from 3.11 to 3.13 that this machine has.

    make package                        the commands, in a fresh environment for each Python
    make package PACKAGE=--tests        and the tests of the source distribution, against what was installed
    make package PACKAGE='--tests cli'  of these folders alone
    make package PACKAGE='--python 3.13'

The source distribution is built from the clone, and the wheel from the unpacked source distribution, so that a file
that is missing in it is missed here. Every library comes from `requirements.lock` with its hash; the wheel is
installed without asking for anything else. Everything lies in a temporary folder, and goes with it.

The exit code is 0 if all went well, 1 if a step failed, and 3 if no Python was found to try it with.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.locked import EXTRAS, REPOSITORY

VERSIONS = ("3.11", "3.12", "3.13")
FINE, FAILED, NO_PYTHON = 0, 1, 3
_EVERY_MODULE = """
import importlib, pathlib, pkgutil, trading_bot
assert "site-packages" in trading_bot.__file__, trading_bot.__file__
names = [each.name for each in pkgutil.walk_packages(trading_bot.__path__, "trading_bot.")]
names = [name for name in names if not name.startswith("trading_bot.testing") and not name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names), "modules")
"""
_LEFT_OUT = ("simulation", "faults", "architecture", "benchmarks", "release", "real")
"""Tests of the clone itself, and those that take longest; the build runs them with the Python of its own."""


class StepFailedError(Exception):
    """A command did not end as it should; the message has what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A wheel, and the unpacked source distribution that it was built from."""

    wheel: Path
    source: Path


def pythons(found: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the first interpreter of each version that runs and can make an environment."""
    usable = {version: [path for path in paths if _runs(path)] for version, paths in found.items()}
    return {version: paths[0] for version, paths in usable.items() if paths}


def candidates() -> dict[str, list[str]]:
    """Return where an interpreter of each version may be: on the path, or among those of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return {
        version: [
            *filter(None, [shutil.which(f"python{version}")]),
            *map(str, sorted(root.glob(f"versions/{version}.*/bin/python{version}"))),
        ]
        for version in VERSIONS
    }


def _runs(path: str) -> bool:
    done = subprocess.run([path, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    return done.returncode == 0


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command in a folder; return what it printed.

    Raises:
        StepFailedError: it ended with another code than 0.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise StepFailedError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build(folder: Path, origin: Path) -> Built:
    """Build the source distribution from the clone, and the wheel from that."""
    run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], origin)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], source)
    (wheel,) = folder.glob("*.whl")
    return Built(wheel=wheel, source=source)


def bare(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing of the clone or of the user can be found."""
    ours = ("PYTHON", "TRADING_BOT_", "ROBINHOOD_", "XDG_")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, "HOME": str(folder)}


def install(built: Built, python: str, folder: Path) -> Path:
    """Make an environment with the locked libraries and the wheel; return its folder of programs."""
    run([python, "-m", "venv", folder / "venv"], folder)
    programs = folder / "venv" / "bin"
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    run([*pip, "install", "--require-hashes", "-r", built.source / "requirements.lock"], folder)
    run([*pip, "install", "--no-deps", "--no-index", built.wheel], folder)
    run([*pip, "check"], folder)
    return programs


def try_commands(programs: Path, built: Built, folder: Path) -> None:
    """Use the installed bot as its first user would: from a folder that has nothing of it."""
    empty = folder / "empty"
    empty.mkdir()
    environment = bare(folder)
    run([programs / "python", "-W", "error", "-c", _EVERY_MODULE], empty, environment)
    for words in (["--version"], ["--help"], ["demo"], ["config", "check"]):
        run([programs / "trading-bot", *words], empty, environment)
    run(
        [built.source / "scripts" / "dry_run.sh", folder / "dry-run"],
        empty,
        {**environment, "PYTHON": str(programs / "python")},
    )


def try_tests(programs: Path, built: Built, folder: Path, chosen: Sequence[str]) -> None:
    """Run the tests of the source distribution against the installed wheel, not against the source beside them."""
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    extras = ",".join((*EXTRAS, "test"))
    run([*pip, "install", "-c", built.source / "tests" / "constraints.txt", f"{built.wheel}[{extras}]"], folder)
    left_out = [f"--ignore=tests/{name}" for name in _LEFT_OUT]
    workers = f"--numprocesses={os.cpu_count()}"
    how = ["-o", "pythonpath=.", "-q", "-m", "not subprocess", "-p", "no:cacheprovider", workers, "--dist=loadfile"]
    which = [f"tests/{name}" for name in chosen] or left_out
    run([programs / "python", "-m", "pytest", *how, *which], built.source, bare(folder))


def main(
    arguments: Sequence[str], *, places: Mapping[str, Iterable[str]] | None = None, origin: Path = REPOSITORY
) -> int:
    """Try it on each Python; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release.package")
    parser.add_argument(
        "--tests",
        nargs="*",
        metavar="FOLDER",
        help="the tests of the source distribution, too; of these folders, or all",
    )
    parser.add_argument("--python", choices=VERSIONS, action="append", help="this version alone")
    chosen = parser.parse_args(arguments)
    wanted = chosen.python or VERSIONS
    there = candidates() if places is None else places
    here = pythons({version: paths for version, paths in there.items() if version in wanted})
    for missing in sorted(set(wanted) - set(here)):
        print(f"Python {missing}: not on this machine, not tried")
    try:
        _try_all(here, origin, tests=chosen.tests)
    except StepFailedError as failed:
        print(failed, file=sys.stderr)
        return FAILED
    return FINE if here else NO_PYTHON


def _try_all(here: Mapping[str, str], origin: Path, *, tests: Sequence[str] | None) -> None:
    if not here:
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        built = build(root, origin)
        for version, python in here.items():
            began = time.monotonic()
            folder = root / version
            folder.mkdir()
            programs = install(built, python, folder)
            try_commands(programs, built, folder)
            if tests is not None:
                try_tests(programs, built, folder, tests)
            shutil.rmtree(folder)
            print(f"Python {version}: fine, in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
