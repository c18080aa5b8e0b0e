from tests.support.gateway_bench import LIST, OTHER, GatewayBench, terms
from tests.support.scripted_broker import ACCOUNT, INSTRUMENT, REF, account_row, instrument_row, order_row, page, reply
from trading_bot.order_management.models import RefId
from trading_bot.robinhood.remarks import MAX_REMARKS, Remarks


def test_a_remark_is_kept_once_in_order_and_safe_to_show():
    remarks = Remarks()
    remarks.note("b", "a\x1b", "b")
    remarks.note("b")
    assert remarks.all() == ("b", "a")


def test_there_is_an_end_to_remarks():
    remarks = Remarks()
    remarks.note(*map(str, range(2 * MAX_REMARKS)))
    assert remarks.all() == tuple(map(str, range(MAX_REMARKS)))


def test_the_gateway_remembers_what_was_not_understood_anywhere():
    bench = GatewayBench()
    bounded = bench.gateway.by(bench.time.monotonic() + 60)
    assert not bench.gateway.not_understood
    bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row(state="odd")))
    bounded.fetch_account()
    bench.broker.on("GET", f"/instruments/{OTHER}/", reply(404))
    held = {"instrument_id": OTHER, "quantity": "3", "account_number": ACCOUNT}
    bench.broker.on("GET", "/positions/", page(None, held, held | {"instrument_id": INSTRUMENT}))
    bounded.fetch_positions()
    bench.broker.on(*LIST, page(order_row(state="locating"), order_row(id=OTHER, side="sell_short")))
    bench.gateway.list_open_orders()
    bench.broker.on("GET", "/instruments/", page(instrument_row(tradability="Maybe", state=" INACTIVE?")))
    bench.gateway.prepare_order(terms(), RefId(REF))
    assert bench.gateway.not_understood == (
        "account: state: odd",
        "position row 1: it is no position at all",
        f"position {OTHER}: no symbol is known for this instrument, so none of it can be traded",
        f"order {OTHER}: cannot be read: side",
        f"order {order_row()['id']}: the state locating is a word that is not known",
        "AAPL: state: INACTIVE?",
        "AAPL: tradability: Maybe",
    )
