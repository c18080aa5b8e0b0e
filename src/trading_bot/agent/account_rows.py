"""The login's accounts and the worth of ours, as two tools tell them: one knows whose it is, the other its money.

What may be spent is told by `get_portfolio` alone. An agent may not borrow, so of the two figures there the lower one
counts: on a margin account the other one has borrowed money in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.robinhood.directory import AccountUnreadableError
from trading_bot.robinhood.fields import (
    MaybeAmount,
    MaybeNumber,
    MaybeWord,
    Number,
    Payload,
    account_number_of,
    flag,
    parse_payload,
    printable,
    word,
)
from trading_bot.robinhood.strict_json import UnreadableReplyError

_FORBIDDING_FLAGS = ("deactivated", "permanently_deactivated", "locked", "only_position_closing_trades")
_CURRENCY = "usd"

NEEDED_OF_ACCOUNT: Mapping[str, str] = MappingProxyType(
    {"account_number": "it says whose row this is; another account's must never be traded"}
)
"""The fields of a row of the accounts without which it is nobody's, and why."""

NEEDED_OF_PORTFOLIO: Mapping[str, str] = MappingProxyType(
    {"buying_power": "it says what a buy may cost; a sell and a cancel need no balance"}
)
"""The fields of a portfolio without which it cannot be read, and why."""


class AgentAccountPayload(Payload):
    """One account of the login."""

    account_number: Annotated[str, BeforeValidator(account_number_of)]
    rhs_account_number: Annotated[str | None, BeforeValidator(account_number_of)] = None
    type: MaybeWord = None
    brokerage_account_type: MaybeWord = None
    unsettled_funds: MaybeAmount = None
    agentic_allowed: object = None
    state: MaybeWord = None
    deactivated: object = None
    permanently_deactivated: object = None
    locked: object = None
    only_position_closing_trades: object = None

    @property
    def is_for_agents(self) -> bool:
        """Whether it says that an agent may trade it."""
        return flag(self.agentic_allowed) is True

    @property
    def forbids(self) -> Iterator[str]:
        """The documented flags that are set and forbid opening positions, by the broker's own names."""
        return (name for name in _FORBIDDING_FLAGS if flag(getattr(self, name)) is True)

    @property
    def remarks(self) -> Iterator[str]:
        """What it says in words that nobody here knows: shown, and no reason to refuse anything."""
        for name in _FORBIDDING_FLAGS:
            value = getattr(self, name)
            if value is not None and flag(value) is None:
                yield f"{name}: {printable(str(value))}"
        if self.state is not None and word(self.state) != "active":
            yield f"state: {printable(self.state)}"


class PortfolioPayload(Payload):
    """What one account has and is worth. It does not say whose it is."""

    total_value: MaybeNumber = None
    equity_value: MaybeNumber = None
    cash: MaybeNumber = None
    currency: MaybeWord = None
    buying_power: object


class _BuyingPower(Payload):
    buying_power: Number
    unleveraged_buying_power: MaybeNumber = None
    display_currency: MaybeWord = None


class AgentAccounts:
    """All accounts of the login, as one reply lists them."""

    def __init__(self, data: object) -> None:
        """Read the reply.

        Raises:
            AccountUnreadableError: it lists no accounts.
        """
        rows = data.get("accounts") if isinstance(data, dict) else None
        if not isinstance(rows, list):
            raise AccountUnreadableError("reading the accounts: the reply lists none; ask again before trading")
        self._rows = tuple(_accounts(rows))

    @property
    def for_agents(self) -> Sequence[str]:
        """The numbers of the accounts that an agent may trade; the broker says that there is one at the most."""
        return tuple(dict.fromkeys(row.account_number for row in self._rows if row.is_for_agents))

    def ours(self, account_number: str) -> AgentAccountPayload:
        """Return the row of one account.

        Raises:
            AccountUnreadableError: there are two that say different things.
            OrderStatusError: there is none.
        """
        found = [row for row in self._rows if word(row.account_number) == word(account_number)]
        if not found:
            raise OrderStatusError(
                f"the broker lists no account ending in {account_number[-4:]} for this login; check account_number, "
                "or log in again"
            )
        if any(row != found[0] for row in found):
            raise AccountUnreadableError(
                "the broker lists our account twice, differently; nothing was concluded, ask again"
            )
        return found[0]

    def restriction(self, account_number: str) -> str | None:
        """Return why no position may be opened in this account, by the broker's own names of its flags, or None."""
        row = self.ours(account_number)
        others = any(word(each) != word(account_number) for each in self.for_agents)
        names = list(row.forbids)
        if not row.is_for_agents:
            names.append("not agentic_allowed")
        elif others:
            names.append("agentic_allowed for more than one account")
        return ", ".join(names) or None


def account_snapshot(
    accounts: AgentAccounts, portfolio: object, *, account_number: str, as_of: datetime
) -> AccountSnapshot:
    """Join what two replies say of an account, as of the moment the first read began.

    Raises:
        AccountUnreadableError: its buying power is not told in dollars.
        OrderStatusError: the account is not among them.
    """
    row, told = accounts.ours(account_number), parse_portfolio(portfolio)
    power = _buying_power(told)
    return AccountSnapshot(
        account_suffix=row.account_number[-4:],
        buying_power=power,
        cash=told.cash,
        cash_held_for_orders=None,
        restriction=accounts.restriction(account_number),
        as_of=as_of,
        unsettled_funds=row.unsettled_funds,
        account_type=None if row.type is None else word(row.type),
        remarks=tuple(row.remarks),
        portfolio_cash=told.cash,
    )


def parse_portfolio(data: object) -> PortfolioPayload:
    """Read what an account is worth.

    Raises:
        OrderStatusError: the reply is no portfolio, or not in dollars.
    """
    try:
        payload = parse_payload(PortfolioPayload, data)
    except UnreadableReplyError as error:
        raise _not_read(str(error)) from error
    if payload.currency is not None and word(payload.currency) != _CURRENCY:
        raise _not_read("its amounts are not in dollars")
    return payload


def _buying_power(portfolio: PortfolioPayload) -> Decimal:
    try:
        told = parse_payload(_BuyingPower, portfolio.buying_power)
    except UnreadableReplyError as error:
        raise _not_read(str(error)) from error
    if told.display_currency is not None and word(told.display_currency) != _CURRENCY:
        raise _not_read("its buying power is not in dollars")
    own = told.unleveraged_buying_power
    return told.buying_power if own is None else min(told.buying_power, own)


def _not_read(problem: str) -> AccountUnreadableError:
    return AccountUnreadableError(f"reading the portfolio: {problem}; ask again before trading")


def _accounts(rows: Sequence[object]) -> Iterator[AgentAccountPayload]:
    # A row that cannot be read is nobody's: ours is missing then, which says so, and another's is of no matter.
    for row in rows:
        try:
            yield parse_payload(AgentAccountPayload, row)
        except UnreadableReplyError:
            continue
