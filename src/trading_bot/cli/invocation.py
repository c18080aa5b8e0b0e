"""The options every command shares, whether they stand before or after its name."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click


@dataclass(slots=True, kw_only=True)
class Invocation:
    """What one call of the command line asked for; filled while the options are read."""

    config: Path | None = None
    account: str | None = None
    json: bool = False
    verbose: int = 0
    quiet: bool = False
    no_color: bool = False
    no_input: bool = False


pass_invocation = click.make_pass_decorator(Invocation)


def _note(context: click.Context, parameter: click.Parameter, value: object) -> None:
    invocation = context.find_object(Invocation)
    if invocation is None or not value or parameter.name is None:
        return
    if parameter.name == "verbose" and isinstance(value, int):
        value += invocation.verbose
    setattr(invocation, parameter.name, value)


def _option(
    *names: str, text: str, path: bool = False, count: bool = False, metavar: str | None = None
) -> click.Option:
    return click.Option(
        names,
        help=text,
        type=click.Path(path_type=Path) if path else None,
        count=count,
        is_flag=None if path or count or metavar else True,
        metavar=metavar,
        expose_value=False,
        is_eager=True,
        callback=_note,
    )


_COMMON = (
    _option("-c", "--config", path=True, text="Config file [./config.json if there is one]."),
    _option("--account", metavar="NAME", text="Which account of a config file that has several."),
    _option("--json", text="Data as JSON Lines on stdout, errors as JSON on stderr."),
    _option("-v", "--verbose", count=True, text="Say more on stderr; -vv says most."),
    _option("--quiet", text="Only the final summary and errors."),
    _option("--no-color", text="No colours (so do NO_COLOR and TERM=dumb)."),
    _option("--no-input", text="Never ask, not even at a terminal."),
)


def examples(*lines: str) -> str:
    """Return the end of a help page: what one might type, one a line."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


_Declared = TypeVar("_Declared", bound=click.Command)


def common_options(command: _Declared) -> _Declared:
    """Add the shared options to a command or group."""
    command.params.extend(_COMMON)
    return command
