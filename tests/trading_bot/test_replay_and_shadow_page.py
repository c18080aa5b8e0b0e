"""docs/replay-and-shadow.md: its profile is a valid one, and its figures are those of the code."""

import json
import re

from tests.support.command_line import REPOSITORY
from trading_bot.cli.work.run.replay_results import KEPT_RESULTS
from trading_bot.config import Config
from trading_bot.paper.live_quotes import CONFIRMED_WITHIN_S, OLDEST_QUOTE_S
from trading_bot.paper.quote_record import KEPT_DAYS, MOST_BYTES_A_DAY
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.paper import LIVE_QUOTES_EVERY_S

TEXT = (REPOSITORY / "docs" / "replay-and-shadow.md").read_text(encoding="utf-8")


def test_the_shadow_profile_is_a_paper_account_of_its_own_at_live_prices(tmp_path):
    (profile,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "config.json"
    file.write_text(profile, encoding="utf-8")
    main, shadow = (Config.from_env_and_json(file, account=name, environ={}) for name in ("main", "shadow"))
    assert (main.trading.mode, shadow.trading.mode) == ("live", "paper")
    assert (main.paper.has_live_quotes, shadow.paper.has_live_quotes) == (False, True)
    assert shadow.trading.effective_calendar == "NYSE"
    assert shadow.logs_dir == tmp_path / "logs" / "shadow"
    assert configured_account(shadow) not in (configured_account(main), configured_account(Config()))
    assert json.loads(profile)["accounts"].keys() == {"main", "shadow"}


def test_its_figures_are_those_of_the_code():
    assert (CONFIRMED_WITHIN_S, OLDEST_QUOTE_S, LIVE_QUOTES_EVERY_S) == (10, 60, 2)
    assert "read more than 10 seconds ago, or is more than 60 seconds old" in TEXT
    assert "every 2 seconds" in TEXT
    assert f"the latest {KEPT_RESULTS:,} results" in TEXT
    assert f"{MOST_BYTES_A_DAY // 2**20} MiB at most" in TEXT
    assert f"more than {KEPT_DAYS} days" in TEXT
