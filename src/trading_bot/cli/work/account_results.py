"""Shows what the account comes to."""

from trading_bot.cli.account_place import recorded_reader
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.account_text import ACCOUNT_HEADINGS, account_notes, account_rows
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.session import AccountSession
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.operations import ShowAccount
from trading_bot.order_json import moment_text, money_text
from trading_bot.results.history import AccountHistory
from trading_bot.results.on_record import account_history
from trading_bot.results.realised import Realised, realised_of
from trading_bot.results_json import recorded_account_json
from trading_bot.risk.exchange_day import exchange_day


def account(invocation: Invocation, *, recorded: bool) -> None:
    """Show cash, buying power, equity and results."""
    session = AccountSession(invocation)
    answer = _on_record(session.config) if recorded else _with_all_sales(session)
    if invocation.json:
        print_json(answer)
        return
    print_table(ACCOUNT_HEADINGS, account_rows(answer, session.zone), invocation=invocation)
    for line in account_notes(answer):
        print_line(line)


def _on_record(config: Config) -> Answer:
    history = account_history(recorded_reader(config))
    latest = history.valuations[-1] if history.valuations else None
    return {
        **recorded_account_json(latest, _realised(history)),
        "recorded_until": moment_text(history.last_record_at),
    }


def _with_all_sales(session: AccountSession) -> Answer:
    answer = session.perform(ShowAccount)
    if answer["realised"] is not None:
        return answer
    # The bot holds the orders of late; all of them are in the journal.
    realised = _realised(account_history(recorded_reader(session.config)))
    return {**answer, "realised": money_text(realised.total), "unknown_sales": realised.unknown}


def _realised(history: AccountHistory) -> Realised:
    return realised_of(history, today=exchange_day(SystemClock().now()).begins)
