"""Every command of the command line, loaded and by its words."""

from collections.abc import Iterator

import click

from trading_bot.cli.app import trading_bot


def every_command() -> dict[tuple[str, ...], click.Command]:
    """Return each command under its words; the program itself has none."""
    return dict(_tree(trading_bot, ()))


def _tree(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if not isinstance(command, click.Group):
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from _tree(below, (*words, name))
