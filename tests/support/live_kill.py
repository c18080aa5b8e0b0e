"""``trading-bot kill`` of a live account whose broker is a server on this machine, as a process of its own.

Arguments: the config file, the server's port, and the file of the authority that signed its certificate.
"""

import socket
import sys
from functools import partial
from pathlib import Path

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.kill.call import KillCall, run_kill
from trading_bot.clock import SystemClock
from trading_bot.robinhood.live_transport import build_live_transport
from trading_bot.robinhood.name_lookup import Address
from trading_bot.startup.kill import open_kill


def main(config: str, port: str, ca_file: str) -> int:
    """Kill, every name leading to the port."""
    here = [Address(family=socket.AF_INET, endpoint=("127.0.0.1", int(port)))]
    transport = build_live_transport(clock=SystemClock(), ca_file=ca_file, lookup=lambda _host, _port: here)
    call = KillCall(reason="a test", keeps_protective=True)
    return run_kill(Invocation(config=Path(config)), call, open_account=partial(open_kill, transport=transport))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
