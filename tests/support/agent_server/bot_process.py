"""Runs the real command line with both hosts of the broker led to a stand-in on this machine.

python -m tests.support.agent_server.bot_process PORT CA_FILE trading-bot's arguments ...
"""

import socket
import sys

import certifi

from tests.support.agent_server.http import AGENT_HOST, GRANT_HOST


def lead_to(port: int, ca_file: str) -> None:
    """From now on, in this process, both hosts are the stand-in."""
    look_up = socket.getaddrinfo

    def found(host, service, *arguments, **options):
        if host not in {AGENT_HOST, GRANT_HOST}:
            return look_up(host, service, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    vars(certifi)["where"] = lambda: ca_file
    vars(socket)["getaddrinfo"] = found


if __name__ == "__main__":
    lead_to(int(sys.argv[1]), sys.argv[2])
    from trading_bot.__main__ import main

    sys.argv = ["trading-bot", *sys.argv[3:]]
    main()
