"""Several accounts in one configuration file: each is the settings of the file, with its own on top."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trading_bot.config.problems import ConfigError, shown, suggestion

ACCOUNTS = "accounts"
_NAME = re.compile(r"[a-z][a-z0-9]{0,14}")
_PAPER = "PAPER"


class SeveralAccountsError(ConfigError):
    """The file has several accounts and nobody said which one is meant; ``names`` are theirs."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__([f"there are {len(names)} accounts, {', '.join(names)}; say which with --account NAME."])
        self.names = names


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenAccount:
    """The settings of one account, as they would stand in a file of its own."""

    name: str | None
    """None where the file names no accounts."""
    values: dict[str, object]
    has_own_logs: bool
    """Whether its own part says where its logs are."""

    def with_logs_apart(self) -> dict[str, object]:
        """Return its values; the logs of a named account have a folder of their own below the common one."""
        if self.name is None or self.has_own_logs:
            return self.values
        common = self.values.get("logs_dir", "logs")
        return self.values if not isinstance(common, str) else {**self.values, "logs_dir": f"{common}/{self.name}"}


def names_of(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the accounts that a file has, in its order."""
    accounts = values.get(ACCOUNTS)
    return tuple(accounts) if isinstance(accounts, dict) else ()


def chosen_account(values: Mapping[str, object], name: str | None) -> ChosenAccount:
    """Return the settings of the account ``name``; without a name, of the only one there is.

    Raises:
        ConfigError: no account has the name, or one of them is written wrongly; `SeveralAccountsError`.
    """
    own_parts = _own_parts(values)
    common = {key: value for key, value in values.items() if key != ACCOUNTS}
    if name is None and not own_parts:
        return ChosenAccount(name=None, values=common, has_own_logs=True)
    if name is None and len(own_parts) > 1:
        raise SeveralAccountsError(tuple(own_parts))
    name = name or next(iter(own_parts))
    if name not in own_parts:
        raise ConfigError([_unknown(name, tuple(own_parts))])
    whole = {each: _with_number(each, _merged(common, part)) for each, part in own_parts.items()}
    _refuse_twins(whole)
    return ChosenAccount(name=name, values=whole[name], has_own_logs="logs_dir" in own_parts[name])


def account_as_far_as_known(values: Mapping[str, object], name: str | None) -> ChosenAccount:
    """Do as `chosen_account`, whatever is wrong with the other accounts: their mistakes must not stop a kill.

    Raises:
        ConfigError: as `chosen_account`, where this account has no section of its own.
    """
    accounts = values.get(ACCOUNTS)
    part = accounts.get(name) if isinstance(accounts, dict) else None
    if name is None or not isinstance(part, dict):
        return chosen_account(values, name)
    common = {key: value for key, value in values.items() if key != ACCOUNTS}
    return ChosenAccount(name=name, values=_with_number(name, _merged(common, part)), has_own_logs="logs_dir" in part)


def _own_parts(values: Mapping[str, object]) -> dict[str, dict[str, object]]:
    accounts = values.get(ACCOUNTS, {})
    if not isinstance(accounts, dict):
        raise ConfigError([f"{ACCOUNTS} must be a section in braces, of one section an account; correct it."])
    problems = [problem for name, part in accounts.items() if (problem := _problem_with(name, part))]
    if problems:
        raise ConfigError(problems)
    return accounts


def _problem_with(name: str, part: object) -> str | None:
    if not _NAME.fullmatch(name):
        return f"{ACCOUNTS} has {shown(name)}, but a name is 1 to 15 small letters and digits; correct it."
    if not isinstance(part, dict):
        return f"{ACCOUNTS}.{name} must be a section in braces; correct it."
    return f"{ACCOUNTS}.{name} has accounts of its own; correct it." if ACCOUNTS in part else None


def _unknown(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return f"there is no account {shown(name)}: the config file names none; leave --account out."
    guess = suggestion(name, known)
    remedy = f"did you mean {guess}?" if guess else f"there are {', '.join(known)}."
    return f"there is no account {shown(name)}; {remedy}"


def _merged(common: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    whole = dict(common)
    for key, value in own.items():
        below = whole.get(key)
        whole[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return whole


def _with_number(name: str, values: dict[str, object]) -> dict[str, object]:
    # Paper accounts need no number, and two of them are not to be one account.
    if _mode(values) == "live" or values.get("account_number") is not None:
        return values
    return {**values, "account_number": f"{_PAPER}{name.upper()}"}


def _mode(values: Mapping[str, object]) -> object:
    trading = values.get("trading")
    return trading.get("mode", "paper") if isinstance(trading, dict) else "paper"


def _refuse_twins(whole: Mapping[str, Mapping[str, object]]) -> None:
    problems = [f"{ACCOUNTS}.{one} and .{other} are the same account; take one out." for one, other in _twins(whole)]
    if problems:
        raise ConfigError(problems)


def _twins(whole: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    seen: dict[tuple[str, str], str] = {}
    for name, values in whole.items():
        number = values.get("account_number")
        if not isinstance(number, str):
            continue  # reported when the account is read
        account = str(_mode(values)), number
        if account in seen:
            yield seen[account], name
        seen[account] = name
