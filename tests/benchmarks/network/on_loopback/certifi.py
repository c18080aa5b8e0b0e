"""Stands in for the package of this name: the one authority that a client of the benchmark trusts."""

import os


def where() -> str:
    return os.environ["BENCH_CA_FILE"]
