"""Writes `tests/lowest.txt`: the floor of every dependency as an exact version, and the rest as the build has it.

python -m tests.support.lowest_versions > tests/lowest.txt
"""

import sys
import tomllib
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.command_line import REPOSITORY

TIED = frozenset({"psycopg-binary", "pydantic-core"})
"""What follows its owner's version exactly."""

_HEADING = (
    "# The lowest versions that pyproject.toml allows, and what they pull in; see tests/support/lowest_versions.py\n"
)


def requirements() -> list[Requirement]:
    """Return every dependency that pyproject.toml names for this machine, those of the tools included."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = chain(project["dependencies"], *project["optional-dependencies"].values())
    named = (Requirement(line) for line in lines)
    return [
        wanted
        for wanted in named
        if wanted.name != project["name"] and (wanted.marker is None or wanted.marker.evaluate())
    ]


def pins() -> dict[str, str]:
    """Return the versions of the build."""
    lines = (REPOSITORY / "tests" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def floor_of(wanted: Requirement) -> str:
    """Return the lowest version that the requirement allows."""
    (floor,) = (part.version for part in wanted.specifier if part.operator in (">=", "=="))
    return floor


def lowest() -> str:
    """Return the whole file."""
    floors: dict[str, str] = {canonicalize_name(wanted.name): floor_of(wanted) for wanted in requirements()}
    rest = {name: version for name, version in pins().items() if name not in floors and name not in TIED}
    versions = sorted((rest | floors).items())
    return _HEADING + "".join(f"{name}=={version}\n" for name, version in versions)


if __name__ == "__main__":
    sys.stdout.write(lowest())
