"""Every option that takes a number, found in the tree of commands: nonsense is a usage error and opens nothing."""

from collections.abc import Iterator

import click
import pytest

from tests.cli.test_bad_input import is_refused
from tests.support.command_line_bench import CommandLineBench
from tests.support.command_tree import every_command
from trading_bot.cli.commands.options import FiniteRange
from trading_bot.cli.exit_codes import ExitCode

NONSENSE = ["nan", "NaN", "-nan", "inf", "Infinity", "-inf", "1e400", "-1", "-0.5", "", "ten", "0x10"]
NUMERIC = (click.types.FloatParamType, click.types.IntParamType)


OPTIONS = [
    (words, parameter.opts[0])
    for words, command in every_command().items()
    for parameter in command.params
    if isinstance(parameter, click.Option) and isinstance(parameter.type, NUMERIC) and not parameter.count
]
"""Every option with a number for a value, with the command it belongs to."""


def float_types() -> Iterator[object]:
    """The types of every parameter that is read as a binary fraction."""
    for command in every_command().values():
        yield from (each.type for each in command.params if isinstance(each.type, click.types.FloatParamType))


def test_the_options_with_numbers_are_found():
    assert {(("run",), "--settle"), (("arm",), "--hours"), (("audit", "tail"), "-n")} <= set(OPTIONS)


def test_no_option_takes_a_number_that_may_be_nan():
    assert all(isinstance(kind, FiniteRange) for kind in float_types())


@pytest.mark.parametrize("value", NONSENSE, ids=ascii)
@pytest.mark.parametrize(("path", "option"), OPTIONS, ids=str)
def test_a_number_that_makes_no_sense_is_a_usage_error(tmp_path, path, option, value):
    cli = CommandLineBench(tmp_path)
    needed = ["--signals", "-"] if path == ("run",) else []
    assert is_refused(
        cli(*path, *needed, f"{option}={value}" if option.startswith("--") else f"{option}{value}"), ExitCode.USAGE
    )
    assert not (cli.home / "logs").exists()


@pytest.mark.parametrize("value", ["0", "0.5", "86400"])
def test_a_number_of_the_range_is_taken(value):
    assert FiniteRange(min=0, max=86_400).convert(value, None, None) == float(value)
