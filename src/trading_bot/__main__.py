"""``python -m trading_bot``: the same as the installed command."""

import sys

from trading_bot.cli.app import run_command_line
from trading_bot.cli.streams import SteadyStreams


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run_command_line(sys.argv[1:], streams=SteadyStreams()))


if __name__ == "__main__":
    main()
