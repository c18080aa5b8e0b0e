"""Every door there is, its corpus, and the inputs that are made for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TypeAlias

from tests.fuzz.mutation import Mutator

CORPUS = Path(__file__).parent / "corpus"

Take: TypeAlias = Callable[[bytes], str]
"""Gives an input to the code behind a door and says in a word how it ended; raises where a promise was broken."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One door. ``open`` makes it over a folder of its own; ``share`` is how many of all inputs it gets."""

    name: str
    open: Callable[[Path], Take]
    words: tuple[bytes, ...] = ()
    share: int = 4

    @cached_property
    def corpus(self) -> dict[str, bytes]:
        """The inputs that are kept, by the names of their files."""
        return {path.name: path.read_bytes() for path in sorted((CORPUS / self.name).iterdir()) if path.is_file()}

    @cached_property
    def _mutator(self) -> Mutator:
        return Mutator(tuple(self.corpus.values()), self.words)

    def made(self, seed: int, number: int) -> bytes:
        """Return the input of a seed and number: always the same one, as long as the corpus is."""
        return self._mutator.made(Random(f"{self.name}:{seed}:{number}"))
