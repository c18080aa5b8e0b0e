"""Orders at the command line, each command a bot of its own on one paper account."""

import io
import json
from contextlib import redirect_stdout
from zoneinfo import ZoneInfo

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.answers import cancel_line, is_waiting, state_text, status_lines
from trading_bot.cli.render.preview_text import preview_lines
from trading_bot.cli.session import progress_lines
from trading_bot.cli.work.looks import incomplete_listing
from trading_bot.clock import SystemClock
from trading_bot.order_json import cancel_progress_json
from trading_bot.order_management.cancel.cancel_all import CancelProgress


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def filled(cli: CommandLineBench, name: str) -> None:
    """Synchronise until the exchange has filled the order."""
    for _ in range(500):
        cli("sync")
        if cli.json("status", name)["state"] == "filled":
            return
    raise AssertionError(f"{name} was not filled")


class TestBuyAndSell:
    def test_a_submitted_order_is_told_with_its_ids_and_exit_code_0(self, cli):
        done = cli.buy("first")
        assert (done.returncode, done.stderr) == (0, "")
        submitted, ids, terms = done.stdout.splitlines()
        assert submitted == "buy 10 AAPL at 99.85 submitted"
        assert ids.startswith("client order id first, broker's order id ")
        assert terms == "limit 99.85, reference 100.00, gfd, queued"

    def test_under_json_the_answer_is_one_object_with_amounts_as_text(self, cli):
        answer = cli.json("buy", "AAPL", "10", "--reference-price", "100", "--tif", "gtc", "--strategy", "mine")
        order = answer["order"]
        assert (answer["v"], answer["status"], answer["code"]) == (1, "submitted", "submitted")
        assert (order["limit_price"], order["time_in_force"], order["strategy_name"]) == ("99.85", "gtc", "mine")

    def test_the_pricing_can_be_chosen(self, cli):
        answer = cli.json("buy", "AAPL", "1", "--reference-price", "100", "--pricing", "marketable")
        assert answer["order"]["limit_price"] == "100.15"

    def test_extended_hours_can_be_asked_for(self, cli):
        answer = cli.json("buy", "AAPL", "1", "--reference-price", "100", "--extended-hours")
        assert answer["order"]["extended_hours"] is True

    def test_the_same_client_order_id_again_sends_nothing_and_is_a_refusal(self, cli):
        first = cli.json("buy", "AAPL", "10", "--reference-price", "100", "--client-order-id", "first")
        again = cli.buy("first")
        assert again.returncode == 5
        assert "nothing was sent" in again.stderr
        assert first["order"]["order_id"] in again.stdout
        assert len(cli.json("orders", "--all")["orders"]) == 1

    def test_a_refusal_by_a_rule_is_one_line_on_stderr_and_exit_code_5(self, cli):
        done = cli("sell", "AAPL", "1", "--reference-price", "100")
        assert (done.returncode, done.stdout) == (5, "")
        assert "no AAPL is held, and nothing is sold short; sell what is held" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_under_json_a_refusal_is_an_answer_and_an_error(self, cli):
        done = cli("--json", "sell", "AAPL", "1", "--reference-price", "100")
        answer, error = json.loads(done.stdout), json.loads(done.stderr)["error"]
        assert (answer["status"], answer["code"], answer["order"]) == ("blocked", "insufficient_shares", None)
        assert (error["code"], error["exit_code"]) == ("insufficient_shares", 5)

    def test_a_symbol_may_be_typed_in_small_letters(self, cli):
        done = cli("buy", "aapl", "10", "--reference-price", "100")
        assert (done.returncode, "buy 10 AAPL" in done.stdout) == (0, True)

    def test_a_closed_market_has_its_own_exit_code(self, tmp_path):
        # A session of one minute, on the other side of noon from now.
        is_morning = SystemClock().now().astimezone(ZoneInfo("America/New_York")).hour < 12
        start, end = ("15:58", "15:59") if is_morning else ("09:30", "09:31")
        hours = {"start_time": start, "end_time": end}
        done = CommandLineBench(tmp_path, {"trading": {"hours": hours, "calendar": "NYSE"}}).buy()
        assert (done.returncode, done.stdout) == (10, "")
        assert "outside your hours" in done.stderr or "the market is closed" in done.stderr  # on a weekend

    def test_shares_that_were_bought_are_held_and_can_be_sold(self, cli):
        cli.buy("bought", "--pricing", "marketable")
        filled(cli, "bought")
        (position,) = cli.json("positions")["positions"]
        assert (position["symbol"], position["quantity"]) == ("AAPL", "10")
        shown = cli("positions").stdout.splitlines()
        assert [line.split()[:4] for line in shown[:2]] == [
            ["symbol", "held", "free", "average"],
            ["AAPL", "10", "10", "100.0000"],
        ]
        assert cli("sell", "AAPL", "10", "--reference-price", "100").returncode == 0
        status = cli("status", "bought").stdout.splitlines()
        assert status[0] == "buy 10 AAPL limit 100.15: filled"
        assert status[3].endswith("10 at 100.0000")


class TestPreview:
    def test_it_shows_what_would_be_sent_and_sends_nothing(self, cli):
        done = cli("preview", "buy", "AAPL", "10", "--reference-price", "100")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "would be sent: buy 10 AAPL limit 99.85, gfd, $998.50 in all",
            "nothing was sent",
            "rounded to steps of $0.01 (SEC Rule 612)",
        ]
        assert cli.json("orders", "--all")["orders"] == []

    def test_it_ends_with_the_exit_code_of_the_trade_it_stands_for(self, cli):
        done = cli("preview", "sell", "AAPL", "10", "--reference-price", "100")
        assert done.returncode == 5
        assert done.stdout.splitlines()[1].startswith("insufficient_shares: ")

    def test_under_json_it_is_one_object(self, cli):
        answer = cli.json("preview", "buy", "AAPL", "10", "--reference-price", "100")
        assert (answer["v"], answer["would_send"], answer["terms"]["limit_price"]) == (1, True, "99.85")
        assert answer["tick"] == {"size": "0.01", "source": "sec_rule_612", "problem": None}


class TestOrders:
    def test_the_open_orders_are_listed_with_the_time_at_the_exchange(self, cli):
        cli.buy("first")
        heading, row = cli("orders").stdout.splitlines()
        assert heading.split("  ")[0] == "client order id"
        name, symbol, side, state, *filled = row.split()
        assert (name, symbol, side, filled[:3]) == ("first", "AAPL", "buy", ["0", "/", "10"])
        assert state in {"queued", "confirmed"}, "the exchange confirms a moment later"
        assert row.split()[-1] in {"EST", "EDT"}

    def test_ended_orders_are_listed_only_on_request(self, cli):
        cli.buy("first")
        cli("cancel", "first")
        assert cli("orders").stdout == "no open orders\n"
        assert "cancelled" in cli("orders", "--all").stdout

    def test_without_any_order_it_says_so(self, cli):
        assert cli("orders", "--all").stdout == "no orders\n"
        assert cli("positions").stdout == "no positions\n"

    def test_an_order_is_found_by_either_id(self, cli):
        ours = cli.json("buy", "AAPL", "10", "--reference-price", "100")["order"]
        by_ours = cli.json("status", ours["client_order_id"])
        by_theirs = cli.json("status", ours["order_id"])
        assert by_ours["client_order_id"] == by_theirs["client_order_id"]

    @pytest.mark.parametrize("command", ["status", "cancel"])
    @pytest.mark.parametrize("name", ["nobody", "\x1b[2Jnobody"])
    def test_an_unknown_id_is_exit_code_2_and_a_remedy(self, cli, command, name):
        done = cli(command, name)
        assert (done.returncode, done.stdout) == (2, "")
        assert "list the orders" in done.stderr
        assert "\x1b" not in done.stderr


class TestCancel:
    def test_a_cancelled_order_is_told_and_exit_code_0(self, cli):
        cli.buy("first")
        done = cli("cancel", "first")
        assert (done.returncode, done.stdout, done.stderr) == (0, "cancelled: AAPL order first\n", "")

    def test_a_second_cancel_finds_it_closed(self, cli):
        cli.buy("first")
        cli("cancel", "first")
        answer = cli.json("cancel", "first")
        assert answer["proven_closed"] is True


class TestReplace:
    def test_the_new_order_stands_in_place_of_the_old_one(self, cli):
        cli.buy("first")
        done = cli("replace", "first", "--reference-price", "99", "--quantity", "4", "--client-order-id", "second")
        assert (done.returncode, done.stderr) == (0, "")
        said, ids, terms = done.stdout.splitlines()
        assert said == "buy 4 AAPL in place of order first, which is cancelled"
        assert ids.startswith("client order id second, ")
        assert terms == "limit 98.86, reference 99.00, gfd, queued"
        assert cli.json("status", "first")["state"] == "cancelled"

    def test_without_a_price_it_is_the_middle_of_the_market(self, cli):
        cli("buy", "AAPL", "10", "--reference-price", "95", "--client-order-id", "first")
        answer = cli.json("replace", "first", "--pricing", "passive")
        assert (answer["replaced"], answer["is_new"], answer["order"]["reference_price"]) == ("first", True, "99.99")

    def test_an_order_that_has_filled_needs_none(self, cli):
        cli.buy("first", "--pricing", "marketable")
        filled(cli, "first")
        done = cli("replace", "first", "--reference-price", "99")
        assert (done.returncode, done.stdout) == (
            0,
            "AAPL: order first has filled, so nothing was left to replace\n",
        )

    @pytest.mark.parametrize(
        ("arguments", "exit_code", "why"),
        [
            (["nobody"], 2, "no order 'nobody' is in the journal"),
            (["first", "--reference-price", "zero"], 2, "a price is a positive number of dollars"),
            (["first", "--stop-price", "-1"], 2, "a price is a positive number of dollars"),
            (["first", "--quantity", "1.5"], 2, "is no whole number of shares"),
            (["first", "--stop-price", "90"], 2, "is no stop; leave the stop price out"),
        ],
    )
    def test_what_cannot_be_replaced_so_is_one_line(self, cli, arguments, exit_code, why):
        cli.buy("first")
        done = cli("replace", *arguments)
        assert (done.returncode, done.stdout) == (exit_code, "")
        assert why in done.stderr
        assert cli.json("status", "first")["state"] in ("queued", "confirmed")


class TestCancelAll:
    def test_it_lists_first_and_without_a_terminal_wants_to_be_told_yes(self, cli):
        cli.buy("first")
        done = cli("cancel-all")
        assert done.returncode == 2
        assert "first" in done.stdout
        assert "add --yes" in done.stderr
        assert len(cli.json("orders")["orders"]) == 1

    def test_with_yes_each_order_gets_its_line_and_the_sum_comes_last(self, cli):
        cli.buy("first")
        cli("buy", "MSFT", "1", "--reference-price", "100", "--client-order-id", "second")
        done = cli("cancel-all", "--yes")
        assert done.returncode == 0
        lines = done.stdout.splitlines()
        assert sorted(lines[:2]) == ["cancelled: AAPL order first", "cancelled: MSFT order second"]
        assert lines[2:] == ["2 of 2 orders cannot trade any more"]

    def test_under_json_every_line_is_an_object_of_its_own(self, cli):
        cli.buy("first")
        done = cli("--json", "cancel-all", "--yes", "--correlation-id", "stop-7")
        one, total = map(json.loads, done.stdout.splitlines())
        assert one["correlation_id"] == "stop-7"
        assert (one["v"], one["client_order_id"], one["verdict"]) == (1, "first", "cancelled")
        assert total == {"v": 1, "orders": 1, "proven_closed": 1, "kept": [], "correlation_id": "stop-7"}

    @pytest.mark.parametrize("options", [[], ["--yes"]])
    def test_with_nothing_open_nobody_is_asked(self, cli, options):
        done = cli("cancel-all", *options)
        assert (done.returncode, done.stdout) == (0, "no open orders\n")

    def test_orders_placed_elsewhere_are_asked_about_by_name(self, cli):
        done = cli("cancel-all", "--include-external")
        assert done.returncode == 2
        assert "every order of the account placed elsewhere" in done.stderr


class GoneReader(io.StringIO):
    """A pipe that nobody reads any more."""

    refused = False

    def write(self, _text: str, /) -> int:
        self.refused = True
        raise BrokenPipeError


@pytest.mark.parametrize("as_json", [False, True])
def test_a_reader_who_goes_away_does_not_keep_the_other_orders_from_being_cancelled(as_json):
    """A line is written between the cancels of two orders."""
    write = progress_lines(Invocation(json=as_json), cancel_line)
    result: dict[str, object] = {"verdict": "cancelled", "symbol": "AAPL", "client_order_id": "first"}
    with redirect_stdout(GoneReader()) as gone:
        write(result)
    assert gone.refused


def test_a_sync_says_what_it_found(cli):
    cli.buy("first")
    done = cli("sync")
    assert (done.returncode, done.stdout) == (0, "1 open, 0 fills booked, 0 closed, 0 placed elsewhere\n")
    assert cli.json("sync")["complete"] is True


def test_a_status_says_how_many_executions_are_outstanding():
    order = {"side": "sell", "quantity": "10", "symbol": "AAPL", "state": "filled", "filled_quantity": "10"}
    told = status_lines({**order, "executions_outstanding": "4"}, ZoneInfo("America/New_York"))
    assert told[3:] == (
        "the executions of 4 shares are outstanding: they count by total and average until the broker lists them",
    )
    assert len(status_lines({**order, "executions_outstanding": "0"}, ZoneInfo("America/New_York"))) == 3


DOUBTFUL = (
    "rounded to steps of $0.01 (SEC Rule 612); the instrument's own is not known, so the order may have another price "
    "(no answer)"
)


@pytest.mark.parametrize(
    ("tick", "line"),
    [
        ({"size": "0.05", "source": "instrument", "problem": None}, "rounded to steps of $0.05 (the instrument's own)"),
        ({"size": "0.01", "source": "sec_rule_612", "problem": "no answer"}, DOUBTFUL),
        (None, "nothing was sent"),
    ],
)
def test_a_preview_says_which_price_step_it_took_where_it_is_told(tick, line):
    terms = {"symbol": "TICK", "side": "buy", "quantity": 1, "limit_price": "12.30", "notional": "12.30"}
    answer = {"terms": terms | {"time_in_force": "gfd"}, "refusal": None} | ({"tick": tick} if tick else {})
    assert preview_lines(answer)[-1] == line


@pytest.mark.parametrize(
    ("review", "lines"),
    [
        ({"problem": "no answer"}, ["the broker's own review: no answer"]),
        ({"alerts": []}, ["the broker's own review: no objection, which promises nothing"]),
        (
            {"alerts": [{"kind": "ODD", "details": [["a", "1 USD"], ["b", "2"]]}, {"kind": "BARE", "details": []}]},
            ["the broker's own review: ODD (a 1 USD, b 2)", "the broker's own review: BARE"],
        ),
        (
            {"alerts": [], "bid": "12.73", "ask": "12.86", "last": None, "disclosure": "Bid $12.78"},
            [
                "the broker's own review: no objection, which promises nothing",
                "it goes by bid 12.73, ask 12.86",
                "and says: Bid $12.78",
            ],
        ),
    ],
)
def test_a_preview_says_what_the_broker_reviewed(review, lines):
    terms = {"symbol": "F", "side": "buy", "quantity": 1, "limit_price": "12.30", "notional": "12.30"}
    answer = {"terms": terms | {"time_in_force": "gfd"}, "refusal": None, "broker_review": review}
    assert list(preview_lines(answer)[2:]) == lines


@pytest.mark.parametrize(("journal_ok", "code"), [(True, 7), (False, 11)])
def test_a_list_that_may_not_be_complete_ends_with_the_code_of_its_reason(journal_ok, code):
    """An empty list of a broker who was not read would look like no open orders."""
    error = incomplete_listing({"problem": "HTTP 503: try again.", "journal_ok": journal_ok})
    assert error is not None
    assert error.exit_code == code
    assert "HTTP 503: try again; the broker's app shows them all" in str(error)


def test_a_complete_list_is_no_error(cli):
    cli.buy("first")
    answer = cli.json("orders")
    assert (answer["complete"], answer["journal_ok"], answer["problem"]) == (True, True, None)
    assert incomplete_listing(answer) is None


def test_how_far_a_cancel_of_many_is_comes_between_the_results():
    progress = cancel_progress_json(CancelProgress(asked=50, many=500, within_s=157.25))
    assert cancel_line(json.loads(json.dumps(progress))) == (
        "50 of 500 cancels asked for, the largest first; all is over within 157 s"
    )


AWAITING: dict[str, object] = {
    "side": "buy",
    "quantity": 10,
    "symbol": "AAPL",
    "state": "queued",
    "broker_state": "queued",
    "awaits_approval": True,
}


def test_an_order_that_its_owner_has_to_approve_is_shown_as_such():
    lines = status_lines(AWAITING, ZoneInfo("America/New_York"))
    assert lines[0].endswith(": awaits approval")
    assert lines[-1] == (
        "it does not work until you approve it in the Robinhood app; its shares or its money are reserved"
    )
    assert state_text({**AWAITING, "stop_price": "90", "waits_for_stop": True}) == "awaits approval"
    assert not is_waiting({**AWAITING, "stop_price": "90", "waits_for_stop": True})


def test_one_that_is_being_cancelled_is_not():
    assert state_text({**AWAITING, "state": "pending_cancel"}) == "pending cancel"
