"""``python -m trading_bot``: the same as the installed command."""

import sys
from collections.abc import Sequence

from trading_bot.cli.app import run_command_line
from trading_bot.cli.streams import SteadyStreams


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, by default as it was typed, and leave with its exit code."""
    sys.exit(run_command_line(sys.argv[1:] if arguments is None else arguments, streams=SteadyStreams()))


if __name__ == "__main__":
    main()
