"""What earlier runs on this machine found, so that a run can go on and survivors can be tried again."""

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tests.mutation.mutant import End, Mutant, Trial
from tests.mutation.rooms import HERE

SCRATCH = HERE / ".mutation"


def digest_of(path: str) -> str:
    """Return a short hash of a file below the checkout."""
    return hashlib.sha256((HERE / path).read_bytes()).hexdigest()[:12]


def digest_of_all(folders: Iterable[str]) -> str:
    """Return a short hash of every Python file below these folders, names included."""
    whole = hashlib.sha256()
    for folder in folders:
        for file in sorted((HERE / folder).rglob("*.py")):
            whole.update(str(file).encode())
            whole.update(file.read_bytes())
    return whole.hexdigest()[:12]


class Record:
    """The last end of each mutant of a room, in a file with a line for each trial."""

    def __init__(self, room: str, folder: Path = SCRATCH) -> None:
        self._file = folder / f"{room}.jsonl"
        self._file.parent.mkdir(exist_ok=True)

    def add(self, mutant: Mutant, trial: Trial) -> None:
        """Write the end of a mutant."""
        whole = replace(trial, digest=digest_of(mutant.path), at=time.time())
        with self._file.open("a") as file:
            file.write(json.dumps(asdict(whole)) + "\n")

    def of(self, mutants: Sequence[Mutant], *, since: float = 0.0) -> dict[str, Trial]:
        """Return the last end of each of these mutants, if its file is what it was then."""
        digests = {path: digest_of(path) for path in {mutant.path for mutant in mutants}}
        wanted = {mutant.identity: digests[mutant.path] for mutant in mutants}
        return {
            name: trial for name, trial in self._all().items() if wanted.get(name) == trial.digest and trial.at >= since
        }

    def _all(self) -> dict[str, Trial]:
        if not self._file.exists():
            return {}
        lines = (json.loads(line) for line in self._file.read_text().splitlines())
        return {line["identity"]: Trial(**{**line, "end": End(line["end"])}) for line in lines}
