"""Loads a command's declaration when it is named, and its work when it runs.

The target of both is text, ``"module:attribute"``. A test loads every target and holds its signature against the
declared arguments, because no type checker can.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from trading_bot.cli.invocation import Invocation, pass_invocation


def load(target: str) -> Any:  # what stands there is known by name alone
    """Return what ``target`` names, after importing its module."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def runs(target: str) -> Callable[[Callable[[], None]], Callable[..., object]]:
    """Make a declared command run the function ``target``, with the invocation and the arguments by name.

    The declared function has the help in its docstring and is never called.
    """

    def declare(declared: Callable[[], None]) -> Callable[..., object]:
        @pass_invocation
        @wraps(declared)
        def run(invocation: Invocation, /, **arguments: object) -> object:
            return load(target)(invocation, **arguments)

        run.__dict__["target"] = target
        return run

    return declare


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyCommand:
    """Where a command is declared, and its line in the help of the group above it."""

    target: str
    help: str


class LazyGroup(click.Group):
    """A group whose help is written without loading one of its commands."""

    lazy: Mapping[str, LazyCommand] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the alphabet."""
        del ctx
        return sorted(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; None for a name that is not ours."""
        del ctx
        entry = self.lazy.get(cmd_name)
        if entry is None:
            return None
        command = load(entry.target)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is no command")
        command.short_help = entry.help
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names with their lines of help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.lazy[name].help) for name in self.list_commands(ctx)])
