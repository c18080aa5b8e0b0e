"""What commands write to stdout: JSON objects for programs, lines for people."""

import json
from collections.abc import Mapping

import click

from trading_bot.cli.render.text import printable


def print_json(answer: Mapping[str, object]) -> None:
    """Write one object on one line; everything beyond ASCII is escaped, so that no terminal takes it for a command."""
    click.echo(json.dumps(answer, ensure_ascii=True))


def print_line(text: str) -> None:
    """Write one line without anything a terminal could take as a command."""
    click.echo(printable(text))
