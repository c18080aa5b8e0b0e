"""The account is held by another process."""

from trading_bot.clock import Seconds


class AccountInUseError(Exception):
    """Another process holds the account, or its journal; ``pid`` is its process id where it could be read."""

    def __init__(self, pid: int | None, *, held: str = "this account") -> None:
        holder = "another trading-bot" if pid is None else f"another trading-bot (pid {pid})"
        super().__init__(f"{holder} holds {held}; stop it or use its commands")
        self.pid = pid


class HeldElsewhereError(AccountInUseError):
    """Another process holds the account in the shared journal. ``free_in_s``: after so long, if it is silent."""

    def __init__(self, holder: str, *, free_in_s: Seconds) -> None:
        super().__init__(None, held=f"this account as {holder}, for {free_in_s:.0f} s more if it is silent")
        self.free_in_s = free_in_s
