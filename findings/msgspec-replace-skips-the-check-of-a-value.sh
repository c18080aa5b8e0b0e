#!/usr/bin/env bash
# msgspec 0.20: `structs.replace` makes a copy that `__post_init__` never sees.
#
# One would guess that a frozen struct whose `__post_init__` refuses some values cannot hold one: it is run by the
# constructor, by `msgspec.json.decode` and by `msgspec.convert`, and `dataclasses.replace` runs it too. In 0.20.0
# `msgspec.structs.replace` copies the fields and does not. So an order that refuses zero shares becomes one of zero
# shares by a change of one field, and nobody is told. From 0.21.0 on it is run.
#
# What to do: ask for msgspec 0.21 or newer where a struct checks itself, and test that a refused value is refused in a
# copy as well.
#
# Seen with CPython 3.11.7 on Linux 6.18:
#
#   msgspec 0.20.0: made: refused    decoded: refused    replaced: Order(shares=0)
#   msgspec 0.21.0: made: refused    decoded: refused    replaced: refused
#
# Exits 0 while this is so, 1 once it is not. PYTHON names the interpreter (default python3).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/try.py" <<'PYTHON'
import sys

import msgspec


class Order(msgspec.Struct, frozen=True, kw_only=True):
    shares: int

    def __post_init__(self):
        if self.shares < 1:
            raise ValueError("no shares")


def outcome(call):
    try:
        return str(call())
    except (ValueError, msgspec.ValidationError):
        return "refused"


made = outcome(lambda: Order(shares=0))
decoded = outcome(lambda: msgspec.json.decode(b'{"shares": 0}', type=Order))
replaced = outcome(lambda: msgspec.structs.replace(Order(shares=1), shares=0))
print(f"msgspec {msgspec.__version__}: made: {made}    decoded: {decoded}    replaced: {replaced}")
sys.exit((made, decoded, replaced) != ("refused", "refused", sys.argv[1]))
PYTHON

tried() {
    "${PYTHON:-python3}" -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install --quiet --disable-pip-version-check "msgspec==$1"
    "$folder/$1/bin/python" "$folder/try.py" "$2"
}

tried 0.20.0 'Order(shares=0)'
tried 0.21.0 refused
