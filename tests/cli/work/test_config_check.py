"""What `config check` says of the interface that is spoken."""

import pytest

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.config import check

LIVE = '{"trading": {"mode": "live"}, "account_number": "5AB12345"'


@pytest.mark.parametrize(
    ("settings", "mode", "is_told"),
    [
        ("{}", "paper mode", False),
        ('{"paper": {"wire": "agent"}}', "paper mode over the official interface", False),
        ('{"gateway": "agent"}', "paper mode", True),
        ('{"gateway": "agent", "paper": {"wire": "agent"}}', "paper mode over the official interface", False),
        (LIVE + "}", "live mode", False),
        (LIVE + ', "gateway": "agent"}', "live mode over the official interface", False),
        (LIVE + ', "paper": {"wire": "agent"}}', "live mode", False),
    ],
)
def test_the_interface_is_named_and_paper_that_speaks_the_other_one_is_told(tmp_path, capsys, settings, mode, is_told):
    file = tmp_path / "config.json"
    file.write_text(settings, encoding="utf-8")
    check(Invocation(config=file))
    said = capsys.readouterr()
    assert said.out == f"settings are good: {mode}, {file}\n"
    assert ('set "wire": "agent" in section paper' in said.err) is is_told
