"""Python imports this by name at start-up when its folder is on PYTHONPATH: children of the tests are guarded too."""

from tests.support.guard import network_guard

network_guard.install()
