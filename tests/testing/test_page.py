"""The page about testing a strategy, run as a reader would run it."""

import inspect
import re

from tests.support.command_line import REPOSITORY, run_python
from tests.support.page_tests import written_out
from trading_bot import testing
from trading_bot.testing import plugin

PAGE = REPOSITORY / "docs" / "testing-your-strategy.md"
RUN = """
import os, pytest
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # whether trading-bot is installed, and how, is another matter
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "trading_bot.testing.plugin", "-W", "error", "."]))
"""


def test_the_tests_on_the_page_pass_as_they_stand(tmp_path):
    assert len(written_out(PAGE, tmp_path)) == 3
    run = run_python(RUN, home=tmp_path)
    assert (run.returncode, run.stdout.splitlines()[-1].split(" in ")[0]) == (0, "5 passed"), run.stdout + run.stderr


def test_the_page_names_every_function_and_fixture():
    text = PAGE.read_text(encoding="utf-8")
    fixtures = re.findall(r"^@pytest.fixture\ndef (\w+)", inspect.getsource(plugin), re.MULTILINE)
    assert len(fixtures) == 6
    assert [name for name in fixtures if f"| `{name}` |" not in text] == []
    assert [name for name in testing.__all__ if name.islower() and not re.search(rf"\b{name}\(", text)] == []
