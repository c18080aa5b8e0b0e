"""What a person is asked, each in a box over the lists; a question is answered once, however often a key is pressed."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

KILL_WORD = "KILL"


class Question(ModalScreen[bool]):
    """Lines of text over the lists; Escape says no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "answer(False)", show=False, priority=True)]

    def __init__(self, lines: Sequence[Text]) -> None:
        super().__init__()
        self.lines = tuple(lines)
        self._is_answered = False

    def compose(self) -> ComposeResult:
        """Show the lines."""
        with VerticalScroll(id="box"):
            for line in self.lines:
                yield Static(line)

    def action_answer(self, answer: bool) -> None:
        """Give the answer, the first time."""
        if not self._is_answered:
            self._is_answered = True
            self.dismiss(answer)


class Notice(Question):
    """Something to read; Enter, ``q`` and Escape close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, "answer(False)", show=False) for keys in ("enter", "q", "question_mark")
    ]


class CancelQuestion(Question):
    """Whether to cancel one order: ``y`` says yes. Enter says nothing: it may have been meant for something before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
    ]


class KillQuestion(Question):
    """Whether to kill, which has to be typed."""

    def compose(self) -> ComposeResult:
        """Show the lines and a place to type."""
        yield from super().compose()
        yield Input(id="typed", placeholder=f"type {KILL_WORD} and press Enter; Escape goes back")

    def on_mount(self) -> None:
        """Let the keys go to where the word is typed."""
        self.query_one("#typed").focus()

    def on_input_submitted(self, typed: Input.Submitted) -> None:
        """Take the word, and nothing else."""
        typed.stop()
        if typed.value.strip() == KILL_WORD:
            self.action_answer(answer=True)
        else:
            typed.input.value = ""
