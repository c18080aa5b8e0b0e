"""Every option that takes a number, found in the tree of commands: nonsense is a usage error and opens nothing."""

from collections.abc import Iterator

import click
import pytest

from tests.cli.test_bad_input import is_refused
from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.app import trading_bot
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.number_options import FiniteRange

NONSENSE = ["nan", "NaN", "-nan", "inf", "Infinity", "-inf", "1e400", "-1", "-0.5", "", "ten", "0x10"]
NUMERIC = (click.types.FloatParamType, click.types.IntParamType)


def numeric_options(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every option with a number for a value, with the command it belongs to."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and isinstance(parameter.type, NUMERIC) and not parameter.count:
            yield path, parameter.opts[0]
    for name, below in command.commands.items() if isinstance(command, click.Group) else ():
        yield from numeric_options(below, (*path, name))


OPTIONS = list(numeric_options(trading_bot))


def float_types(command: click.Command) -> Iterator[object]:
    """The types of every parameter that is read as a binary fraction."""
    yield from (each.type for each in command.params if isinstance(each.type, click.types.FloatParamType))
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        yield from float_types(below)


def test_the_options_with_numbers_are_found():
    assert {(("run",), "--settle"), (("arm",), "--hours"), (("audit", "tail"), "-n")} <= set(OPTIONS)


def test_no_option_takes_a_number_that_may_be_nan():
    assert all(isinstance(kind, FiniteRange) for kind in float_types(trading_bot))


@pytest.mark.parametrize("value", NONSENSE, ids=ascii)
@pytest.mark.parametrize(("path", "option"), OPTIONS, ids=str)
def test_a_number_that_makes_no_sense_is_a_usage_error(tmp_path, path, option, value):
    desk = CommandLineBench(tmp_path)
    needed = ["--signals", "-"] if path == ("run",) else []
    assert is_refused(
        desk(*path, *needed, f"{option}={value}" if option.startswith("--") else f"{option}{value}"), ExitCode.USAGE
    )
    assert not (desk.home / "logs").exists()


@pytest.mark.parametrize("value", ["0", "0.5", "86400"])
def test_a_number_of_the_range_is_taken(value):
    assert FiniteRange(min=0, max=86_400).convert(value, None, None) == float(value)
