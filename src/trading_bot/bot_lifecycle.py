"""How a bot comes up and goes down: the steps that startup composes, and what may go wrong with them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalVerdict:
    """Whether every record of the journal verifies, and how many there are."""

    ok: bool
    records: int
    problem: str | None


class StartError(Exception):
    """A step of the start-up sequence failed; ``step`` names it and ``cause`` is the step's own error."""

    def __init__(self, step: str, cause: Exception) -> None:
        super().__init__(f"cannot start ({step}): {cause}")
        self.step = step
        self.cause = cause


class StopWish:
    """Somebody's wish that the program which runs the bot should end it; safe to use from several threads.

    The bot cannot end the program: ``run`` looks at this between two steps, and so may any loop of your own.
    """

    def __init__(self) -> None:
        self._made = threading.Event()

    def __call__(self) -> bool:
        """Whether it was made."""
        return self._made.is_set()

    def make(self) -> None:
        """Ask for it; asking again changes nothing."""
        self._made.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The steps that startup composes: ``opening`` in order at the start; ``intake``, then ``closing`` at the stop."""

    opening: Mapping[str, Callable[[], object]]
    intake: tuple[Callable[[], object], ...] = ()
    """Ends what takes orders from elsewhere, before a stop cancels the open ones; repeating it is harmless."""
    closing: tuple[Callable[[], object], ...]
    start_failures: tuple[type[Exception], ...]
    """What a step may raise; anything else is a defect and is raised as it is."""
