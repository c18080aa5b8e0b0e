"""What holds for every test: no socket leaves the machine, and examples found by chance are few and repeatable."""

import os
import signal

from hypothesis import settings

from tests.support.guard import network_guard

pytest_plugins = ["trading_bot.testing.plugin"]
"""It loads here, where coverage counts it; pyproject.toml leaves out the installed one, which would load before."""


def pytest_configure() -> None:
    """Guard the process before any test module is imported, and choose the examples' budget."""
    network_guard.install()
    _hear_ctrl_c()
    settings.register_profile("developer", deadline=None, max_examples=60)
    settings.register_profile("build", settings.get_profile("developer"), derandomize=True, database=None)
    settings.load_profile("build" if os.environ.get("CI") else "developer")


def _hear_ctrl_c() -> None:
    """Take SIGINT as at a terminal: behind a shell's ``&`` this process, and each of its children, would ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
