"""What each way in which a call can end means for the order. Texts are as they were seen at the broker."""

import itertools
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.agent_rows import BUY, ORDER, OTHER_REF, REF, STOP, agent_row, intent_of, stop_row
from trading_bot.agent.order_rows import parse_order
from trading_bot.agent.outcomes import classify_cancel, classify_submit
from trading_bot.agent.tool_call import Garbled, HttpRefusal, RpcError, ToolError, ToolReply
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelRefused,
    CancelTaken,
    CancelUnknown,
    NotSent,
    Rejected,
    Unknown,
)
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.sending import SendPhase

HTML = "\n<!doctype html>\n<html><head><title>Not Found</title></head><body><h1>Not Found</h1></body></html>\n"
NOT_CANCELLABLE = 'API error 403: {"detail":"Order cannot be cancelled at this time."}'


def submit(result, terms=BUY):
    return classify_submit(result, intent=intent_of(terms), parse=lambda row: parse_order(row, lambda _: None))


def good(row, **beside):
    return ToolReply(data={"order": row, **beside})


def failed(*, written, kind=FailureKind.RESET, gate=None):
    return WireFailure(
        phase=SendPhase.SENT if written else SendPhase.BEGUN,
        first_byte_written=written,
        cause="why",
        kind=kind,
        gate=gate,
    )


class TestGoodReplies:
    @pytest.mark.parametrize("ref_id", [REF, REF.upper(), f" {REF} "])
    def test_an_order_under_our_reference_is_accepted(self, ref_id):
        outcome = submit(good(agent_row(ref_id=ref_id)))
        assert isinstance(outcome, Accepted)
        assert (outcome.report.order_id, outcome.mismatch) == (ORDER, None)

    @pytest.mark.parametrize("state", ["unconfirmed", "queued", "rejected", "filled", "pondering"])
    def test_its_state_changes_nothing_about_that(self, state):
        assert isinstance(submit(good(agent_row(state=state))), Accepted)

    @pytest.mark.parametrize(
        ("changes", "mismatch"),
        [
            ({"quantity": "2.000000"}, "quantity 2.000000 instead of 1"),
            ({"side": "sell"}, "side sell instead of buy"),
            ({"price": "12.320000"}, "limit price 12.320000 instead of 12.31"),
            ({"type": "market"}, "limit price None instead of 12.31"),
            ({"symbol": "KO"}, "symbol KO instead of F"),
            ({"time_in_force": "gtc"}, "time in force gtc instead of gfd"),
        ],
    )
    def test_our_reference_with_other_terms_is_accepted_with_the_difference(self, changes, mismatch):
        outcome = submit(good(agent_row(**changes)))
        assert isinstance(outcome, Accepted)
        assert outcome.mismatch == mismatch

    @pytest.mark.parametrize("changes", [{}, {"type": "stop_limit"}])
    def test_our_stop_is_accepted(self, changes):
        outcome = submit(good(stop_row(**changes)), STOP)
        assert isinstance(outcome, Accepted)
        assert outcome.mismatch is None

    def test_our_reference_in_an_order_that_cannot_be_read_is_tracked_with_our_terms(self):
        outcome = submit(good(agent_row(quantity="many")))
        assert isinstance(outcome, Accepted)
        assert outcome.mismatch is not None
        assert (outcome.report.quantity, outcome.report.state_is_known) == (Decimal(1), False)

    @pytest.mark.parametrize("absent", [..., None, ""])
    @pytest.mark.parametrize("symbol", ["F", "", None])
    def test_an_order_without_any_reference_is_ours_if_all_its_terms_are(self, absent, symbol):
        """In August the reply had neither, and only the list had the symbol."""
        outcome = submit(good(agent_row(ref_id=absent, symbol=symbol)))
        assert isinstance(outcome, Accepted)
        assert outcome.report.ref_id is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"quantity": "2.000000"},
            {"side": "sell"},
            {"price": "12.320000"},
            {"symbol": "KO"},
            {"type": "market"},
            {"time_in_force": "gtc"},
            {"trigger": "stop", "stop_price": "13.000000"},
            {"quantity": None},
        ],
    )
    def test_an_order_without_a_reference_and_with_other_terms_may_be_another(self, changes):
        assert isinstance(submit(good(agent_row(ref_id=..., **changes))), Unknown)

    @pytest.mark.parametrize("ref_id", [OTHER_REF, "simul-buy-2", 7, [], REF[:-1]])
    def test_an_order_under_another_reference_is_not_ours_whatever_its_terms(self, ref_id):
        assert isinstance(submit(good(agent_row(ref_id=ref_id))), Unknown)

    @pytest.mark.parametrize(
        "data",
        [
            None,
            [],
            "ok",
            {},
            {"order": None},
            {"order": []},
            {"orders": [agent_row()]},
            {"accepted": True},
            agent_row(),
        ],
        ids=lambda data: str(data)[:20],
    )
    def test_a_good_reply_without_an_order_is_unknown(self, data):
        assert isinstance(submit(ToolReply(data=data)), Unknown)

    @pytest.mark.parametrize("id_", [None, ..., "", "?", 5])
    def test_an_order_without_an_id_is_unknown(self, id_):
        assert isinstance(submit(good(agent_row(id=id_))), Unknown)


class TestApproval:
    @pytest.mark.parametrize(
        "reply",
        [
            good(agent_row(state="pending_approval")),
            good(agent_row(), approval_required=True),
            good(agent_row(), status="ok", approval={"status": "pending"}),
        ],
    )
    def test_an_order_that_awaits_approval_is_accepted_and_not_at_work(self, reply):
        outcome = submit(reply)
        assert isinstance(outcome, Accepted)
        assert outcome.report.awaits_approval

    def test_an_order_that_has_ended_awaits_nothing(self):
        outcome = submit(good(agent_row(state="rejected"), approval_required=True))
        assert isinstance(outcome, Accepted)
        assert not outcome.report.awaits_approval

    @pytest.mark.parametrize(
        "data", [{"approval_required": True}, {"approval": {"id": "x"}}, {"status": "pending_approval", "order": None}]
    )
    def test_an_approval_without_an_order_is_unknown(self, data):
        assert isinstance(submit(ToolReply(data=data)), Unknown)

    def test_an_approval_in_prose_is_unknown(self):
        assert isinstance(submit(ToolError(text="this order must be approved in the app")), Unknown)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "status", "freezes"),
        [
            ('API error 400: {"detail":"Not enough shares to sell."}', 400, False),
            ('API error 400: {"detail":"You can only purchase 9 shares of KO."}', 400, False),
            ('API error 400: {"non_field_errors":["Invalid trigger for fractional order."]}', 400, False),
            ('API error 422: {"price":["Too precise."]}', 422, False),
            ('API error 403: {"detail":"Trading is restricted."}', 403, True),
            ('API error 404: {"detail":"Not found."}', 404, True),
            ("fractional and dollar-based orders are only allowed in regular_hours", 400, False),
            ("instrument not found for symbol ZZQQXX", 404, False),
            ("FORBIDDEN: agent not authorized to access this account", 403, True),
        ],
    )
    @pytest.mark.parametrize("form", [lambda text: ToolError(text=text, category="invalid_request"), None])
    def test_a_refusal_that_was_seen_before_is_a_rejection(self, text, status, freezes, form):
        outcome = submit(form(text) if form else RpcError(code=-32000, text=text))
        assert isinstance(outcome, Rejected)
        assert (outcome.status_code, outcome.freezes_symbol) == (status, freezes)

    def test_the_reason_is_the_broker_s(self):
        outcome = submit(ToolError(text='API error 400: {"detail":"Not enough buying power."}'))
        assert outcome.cause == "Not enough buying power."

    @pytest.mark.parametrize(
        "text",
        [
            'API error 409: {"detail":"Reference ID must be unique."}',
            "API error 409: gone",
            "API error 409: ",
            'API error 400: {"detail":"Reference ID must be unique."}',
            'API error 422: {"ref_id":["already exists"]}',
            'API error 400: {"non_field_errors":["Duplicate order."]}',
        ],
    )
    def test_a_used_reference_means_that_an_order_is_there(self, text):
        outcome = submit(ToolError(text=text, category="invalid_request"))
        assert isinstance(outcome, Unknown)
        assert outcome.surely_there

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "RATE_LIMITED: too many requests, please try again shortly",
            'API error 429: {"detail":"Request was throttled."}',
            'API error 408: {"detail":"timeout"}',
            'API error 401: {"detail":"Unauthorized"}',
            'API error 402: {"detail":"?"}',
            'API error 500: {"detail":"Internal"}',
            'API error 503: {"detail":"later"}',
            f"API error 400: {HTML}",
            f"API error 403: {HTML}",
            f"API error 404: {HTML}",
            "API error 400: ",
            "API error 400: {}",
            "API error 400: []",
            'API error 400: ["Not enough shares to sell."]',
            "API error 400: null",
            'API error 400: {"detail":"cut',
            'API error 400: {"detail":"x"} and more',
            'API error 4000: {"detail":"x"}',
            'api error 400: {"detail":"x"}',
            'It said: API error 400: {"detail":"x"}',
            "unable to place order: rpc error: code = Unavailable desc = transport is closing",
            "unable to place order: rpc error: code = NotFound desc = no rows in result set",
            "SERVICE_DISABLED",
            "the tool you requested cannot be found or does not exist",
            "instrument not found for symbol ZZQQXX: rpc error: code = DeadlineExceeded",
            "instrument not found for symbol ",
            "API error 500: instrument not found for symbol ZZQQXX",
            "fractional and dollar-based orders are only allowed in regular_hours, but yours was taken",
            "on error the order was NOT placed",
            "\ud800",
        ],
    )
    @pytest.mark.parametrize("category", [None, "invalid_request", "rate_limited", "unauthorized"])
    def test_every_other_text_is_unknown(self, text, category):
        outcome = submit(ToolError(text=text, category=category))
        assert isinstance(outcome, Unknown)
        assert not outcome.surely_there

    @pytest.mark.parametrize("code", [-32700, -32600, -32601, -32602, -32603, -32000, 0, 404])
    def test_an_error_of_the_protocol_without_such_a_text_is_unknown(self, code):
        assert isinstance(submit(RpcError(code=code, text="missing properties")), Unknown)


class TestBelowTheTool:
    def test_a_refused_token_means_that_nothing_was_placed(self):
        outcome = submit(HttpRefusal(status=401, text="JWT verification failed"))
        assert isinstance(outcome, NotSent)
        assert (outcome.may_retry, outcome.needs_login) == (True, True)

    @pytest.mark.parametrize("status", [100, 204, 301, 400, 403, 404, 405, 408, 409, 422, 429, 500, 502, 503, 504, 599])
    @pytest.mark.parametrize("text", ["", HTML, '{"detail":"no"}', 'API error 400: {"detail":"no"}'])
    def test_any_other_http_status_is_unknown(self, status, text):
        assert isinstance(submit(HttpRefusal(status=status, text=text)), Unknown)

    def test_an_answer_that_cannot_be_read_is_unknown(self):
        assert isinstance(submit(Garbled(cause="the stream ended early")), Unknown)

    def test_only_what_failed_before_the_first_byte_was_not_sent(self):
        assert isinstance(submit(failed(written=True)), Unknown)
        assert isinstance(submit(failed(written=False, kind=FailureKind.REDIRECT)), Unknown)
        outcome = submit(failed(written=False))
        assert isinstance(outcome, NotSent)
        assert outcome.may_retry
        gated = submit(failed(written=False, kind=FailureKind.REFUSED_BY_GATE, gate="latch"))
        assert isinstance(gated, NotSent)
        assert (gated.may_retry, gated.refused_by) == (False, "latch")


def test_no_secret_of_the_account_is_told_on():
    outcome = submit(ToolError(text='API error 400: {"detail":"Account 512340008 is restricted"}'))
    assert outcome.cause == "Account *****0008 is restricted"
    odd = submit(ToolError(text="account 512340008 is odd"))
    assert "512340008" not in str(odd.cause)


class TestCancels:
    @pytest.mark.parametrize("accepted", [True, "true"])
    def test_accepted_means_asked(self, accepted):
        assert isinstance(classify_cancel(ToolReply(data={"accepted": accepted})), CancelTaken)

    def test_not_accepted_means_refused_and_perhaps_too_early(self):
        reply = classify_cancel(ToolReply(data={"accepted": False}))
        assert isinstance(reply, CancelRefused)
        assert reply.may_be_early

    @pytest.mark.parametrize("data", [None, {}, [], {"accepted": None}, {"accepted": "asked"}, {"order": agent_row()}])
    def test_another_good_reply_says_nothing(self, data):
        assert isinstance(classify_cancel(ToolReply(data=data)), CancelUnknown)

    def test_the_refusal_that_also_a_young_order_gets_may_be_early(self):
        reply = classify_cancel(ToolError(text=NOT_CANCELLABLE, category="invalid_request"))
        assert isinstance(reply, CancelRefused)
        assert (reply.status_code, reply.may_be_early) == (403, True)

    @pytest.mark.parametrize("text", ['API error 404: {"detail":"Not found."}', f"API error 404: {HTML}"])
    def test_an_order_that_is_not_found_is_refused_for_good(self, text):
        reply = classify_cancel(ToolError(text=text))
        assert isinstance(reply, CancelRefused)
        assert (reply.status_code, reply.may_be_early) == (404, False)

    def test_an_account_of_somebody_else_is_refused_for_good(self):
        reply = classify_cancel(ToolError(text="FORBIDDEN: agent not authorized to access this account"))
        assert isinstance(reply, CancelRefused)
        assert not reply.may_be_early

    @pytest.mark.parametrize(
        "result",
        [
            ToolError(text="RATE_LIMITED: too many requests, please try again shortly", category="rate_limited"),
            ToolError(text='API error 500: {"detail":"x"}'),
            ToolError(text="rpc error: code = Unavailable"),
            RpcError(code=-32603, text="internal"),
            HttpRefusal(status=503),
            HttpRefusal(status=404, text="session not found"),
            Garbled(cause="cut"),
            failed(written=True),
        ],
        ids=str,
    )
    def test_anything_else_leaves_the_order_live(self, result):
        assert isinstance(classify_cancel(result), CancelUnknown)

    @pytest.mark.parametrize("result", [HttpRefusal(status=401), failed(written=False)], ids=str)
    def test_what_was_not_processed_was_not_sent(self, result):
        assert isinstance(classify_cancel(result), CancelNotSent)


def test_a_result_of_any_form_is_an_outcome_and_only_proof_is_more_than_doubt():
    """Every text under every status: none raises, and only the four statuses with a JSON object refuse."""
    bodies = ('{"detail":"x"}', "{}", "[1]", "null", HTML, "", '{"detail":NaN}', '{"a":1,"a":2}', '{"detail":' * 40)
    for status, body in itertools.product(range(100, 600), bodies):
        outcome = submit(ToolError(text=f"API error {status}: {body}"))
        refuses = status in (400, 403, 404, 422) and body == bodies[0]
        assert isinstance(outcome, Rejected if refuses else Unknown), (status, body)


def test_numbers_in_a_good_reply_need_not_be_text():
    row = agent_row(quantity=1, price=Decimal("12.31"))
    outcome = submit(good(row), replace(BUY, quantity=1))
    assert isinstance(outcome, Accepted)
    assert outcome.mismatch is None
