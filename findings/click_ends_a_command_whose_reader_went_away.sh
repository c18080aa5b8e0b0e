#!/usr/bin/env bash
# click 8.5.1: with standalone_mode=False a reader who goes away ends the command in the middle, with exit code 1.
#
# One would guess: `main(standalone_mode=False)` leaves every exception and the exit code to the caller, as its
# documentation says ("click will not catch exceptions ... and the return value of the command is returned").
# What is so: an EPIPE of any `click.echo` inside the command is caught in `main` all the same and becomes
# `SystemExit(1)`. `except BrokenPipeError` around `main` never runs, what stood after the echo never happens, and the
# command's own exit code is gone. So `cancel-all | head -1` cancels one order of three and reports 1, and a code that
# means "the outcome is unknown" is lost.
#
# Seen (CPython 3.11.7, click 8.5.1):
#   caught SystemExit(1), cancelled ['first'] of ['first', 'second', 'third']
#
# What to do: give the process a stdout whose writes cannot fail, or keep output out of loops that do work.
# Exits non-zero if the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check click==8.5.1 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys

import click

ORDERS = ["first", "second", "third"]
cancelled = []


@click.command()
def cancel_all():
    for order in ORDERS:
        cancelled.append(order)
        click.echo(f"cancelled {order}")
    return 8


reading, writing = os.pipe()
os.close(reading)
sys.stdout = os.fdopen(writing, "w", buffering=1)
try:
    caught = f"nothing, returned {cancel_all.main([], standalone_mode=False)}"
except BrokenPipeError:
    caught = "BrokenPipeError"
except SystemExit as ending:
    caught = f"SystemExit({ending.code})"
print(f"caught {caught}, cancelled {cancelled} of {ORDERS}", file=sys.__stdout__, flush=True)
sys.stderr = sys.__stderr__
assert (caught, cancelled) == ("SystemExit(1)", ["first"]), "the behaviour has changed"
os._exit(0)
PYTHON
