"""docs/from-robin-stocks.md: its settings and its blocks are used as they stand, one after the other."""

import importlib
import io
import json
import pickle
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from robin_stocks.robinhood import helper

from tests.support.command_line import REPOSITORY
from tests.support.live_account import NUMBER, LiveAccount, live_account
from tests.support.loopback_broker.own_connections import as_the_broker
from tests.support.page_tests import python_blocks
from tests.support.paper_market import MONDAY, quote_line, recorded
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.startup import create_bot

PAGE = REPOSITORY / "docs" / "from-robin-stocks.md"
TEXT = PAGE.read_text(encoding="utf-8")
LOGIN, *REST, TEST = python_blocks(PAGE)
TOKEN = "first"


def settings(folder: Path, **changes: object) -> dict[str, object]:
    """The config file of the page, in a folder of the test."""
    (shown,) = re.findall(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    own = {"logs_dir": str(folder / "logs"), "state_dir": str(folder / "state")}
    file: dict[str, object] = json.loads(shown.replace("<your account number>", NUMBER))
    return file | own | changes


def run(block: str, names: dict[str, Any]) -> None:
    exec(compile(block, str(PAGE), "exec"), names)


class TheirBroker(requests.adapters.BaseAdapter):
    """Answers the one look with which robin_stocks tries a login that it has kept."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        self.asked.append((str(request.url), str(request.headers["Authorization"])))
        answer = requests.Response()
        answer.status_code, answer.url, answer.raw = 200, str(request.url), io.BytesIO(b'{"results": []}')
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def their_broker() -> Iterator[TheirBroker]:
    broker, kept = TheirBroker(), dict(helper.SESSION.adapters)
    helper.SESSION.mount("https://api.robinhood.com/", broker)
    yield broker
    helper.set_login_state(logged_in=False)
    helper.SESSION.headers.pop("Authorization", None)
    helper.SESSION.adapters.clear()
    helper.SESSION.adapters.update(kept)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveAccount]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with live_account(tmp_path) as account, as_the_broker(account.server):
        account.book.clock = None  # the bot runs on the machine's own clock
        yield account


def test_the_login_of_robin_stocks_starts_a_live_bot(account, their_broker, tmp_path, capsys):
    """With the file that its login keeps, so that nobody is asked."""
    kept = {"token_type": "Bearer", "access_token": TOKEN, "refresh_token": "r", "device_token": "d"}
    (tmp_path / ".tokens").mkdir()
    (tmp_path / ".tokens" / "robinhood.pickle").write_bytes(pickle.dumps(kept))
    (tmp_path / "config.json").write_text(json.dumps(settings(tmp_path)), encoding="utf-8")
    run(LOGIN, {})
    assert their_broker.asked == [("https://api.robinhood.com/positions/?nonzero=true", f"Bearer {TOKEN}")]
    assert f"GET /accounts/{NUMBER}/" in account.server.paths()
    assert {heard.headers["authorization"] for heard in account.server.heard} == {f"Bearer {TOKEN}"}
    assert capsys.readouterr().out.endswith("()\n")


def test_the_other_blocks_do_on_paper_what_the_page_says(tmp_path, capsys):
    config = Config.model_validate(settings(tmp_path, trading={}, account_number=None))
    quotes = recorded(quote_line(-60, "187.00", "187.10"))
    bot = create_bot(config, clock=VirtualClock(MONDAY), quotes=quotes, background_sync=False)
    bot.start()
    names: dict[str, Any] = {"bot": bot}
    for block in REST:
        run(block, names)
        bot.clock.sleep(1)
        bot.synchronize_open_orders()
    assert names["status"].average_price == Decimal("187.10")
    assert names["replaced"].limit_price == Decimal("196.00")
    assert names["again"].envelope.limit_price == Decimal("187.20")
    assert names["exited"].sold == 2
    assert bot.open_orders() == ()
    bot.stop()
    assert "filled AAPL 2.00000000 187.00000000\n" in capsys.readouterr().out


def test_the_test_of_the_page_passes(bot, broker):
    names: dict[str, Any] = {}
    run(TEST, names)
    names["test_a_breakout_is_bought_once"](bot, broker)


def test_the_page_names_each_call_that_a_bot_makes():
    headings = " ".join(re.findall(r"^## (.+)$", TEXT, re.MULTILINE))
    for call in (
        *("order_buy_limit", "order_sell_limit", "order(...)", "cancel_stock_order", "cancel_all_stock_orders"),
        *("get_all_open_stock_orders", "get_stock_order_info", "get_open_stock_positions", "build_holdings"),
        *("load_account_profile", "get_quotes", "get_latest_price", "get_stock_historicals"),
    ):
        assert call in headings


def test_the_calls_that_the_page_replaces_exist_in_the_library():
    named = set(re.findall(r"rh\.(\w+\.\w+)\(", TEXT))
    assert len(named) >= 10
    for name in named:
        module, _, function = name.partition(".")
        assert callable(getattr(importlib.import_module(f"robin_stocks.robinhood.{module}"), function))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_a_link_leads_somewhere(path):
    assert (PAGE.parent / path).exists()
