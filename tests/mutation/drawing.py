"""Which mutants of a room are tried."""

import hashlib
from collections.abc import Sequence

from tests.mutation.mutant import Mutant


def drawn(mutants: Sequence[Mutant], *, seed: int, count: int) -> list[Mutant]:
    """Draw ``count`` of them. Which ones depends on each mutant's own text, so a change elsewhere draws no others."""

    def lot(mutant: Mutant) -> str:
        return hashlib.sha256(f"{seed}:{mutant.identity}".encode()).hexdigest()

    return sorted(sorted(mutants, key=lot)[:count], key=lambda mutant: (mutant.path, mutant.lines))
