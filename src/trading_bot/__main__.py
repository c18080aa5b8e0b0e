"""``python -m trading_bot``: the same as the installed command."""

import sys

from trading_bot.cli.app import run_command_line


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
