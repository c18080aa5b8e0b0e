"""Says at a start that the account was traded over another of the broker's interfaces before.

It is safe: an order has the same ids over both, journal and state folder are those of the account, and what is open or
in doubt is read over the new interface before any order is taken. A person should know that the change was made.
"""

from trading_bot.config import GatewayKind
from trading_bot.files import FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.state_folder import StateFolder

_log = get_logger(__name__)


def tell_of_change(now: GatewayKind, *, state: StateFolder, files: FileSystem) -> None:
    """Log ``gateway_changed`` where the last session spoke another interface, and note which one this session speaks.

    It is called before the journal is opened: an account without one is new, and nothing has changed. A note that
    cannot be written costs nothing but the same line at the next start.
    """
    try:
        before = files.read(state.interface).decode("ascii", "replace")
    except FileNotFoundError:
        before = GatewayKind.PRIVATE.value
    except OSError:
        return
    if before == now:
        return
    if state.has_known_a_journal():
        reason = (
            f"the last session of this account was over the {before} interface and this one is over the {now}; its "
            "orders keep their ids, and those that are open are read before any order is taken"
        )
        _log.warning("gateway_changed", reason=reason)
    try:
        files.replace(state.interface, now.value.encode())
    except OSError as error:
        _log.warning("gateway_not_noted", path=str(state.interface), problem=error.strerror)
