"""A network of two machines on this one, whose cable can be pulled: run as a program, inside of `unshare`.

``lab`` is the near machine, and starts everything else: the broker, in a network namespace of its own at the far end of
the cable, and writers, each with one request that is on its way when the cable is pulled. What the broker hears of them
is printed as JSON. The network guard stays outside: no packet can leave a namespace that has no way out.
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.loopback_broker.acts import message
from tests.support.loopback_broker.authority import Certificate, TestAuthority
from trading_bot.clock import SystemClock
from trading_bot.robinhood.live_transport import build_live_transport
from trading_bot.robinhood.name_lookup import Address
from trading_bot.robinhood.session import BrokerSession, WireReply, WireRequest

NO_NETWORK = 77
"""The exit code where this machine gives nobody a network of his own."""

ATTEMPT_S = {"killed": 60.0, "frozen": 2.0}
"""A killed writer is gone long before its attempt is over, and a frozen one has slept through the end of its own: each
tries one of the two options, where the other could not have helped."""

DARK_S = 4.0
"""For how long the cable is pulled."""

WATCH_S = 15.0
QUIET_S = 2.0
"""How long to listen on after the controls have arrived."""

NEAR, FAR = "10.77.0.1", "10.77.0.2"
ENDINGS = {"killed": signal.SIGKILL, "frozen": signal.SIGSTOP}
WRITERS = tuple((kind, ending) for kind in ("order", "other") for ending in ENDINGS)


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"ip {' '.join(arguments)}: {getattr(error, 'stderr', None) or error}\n")
        raise SystemExit(NO_NETWORK) from error


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Child:
    """A part of the lab in a process of its own, spoken to by lines."""

    def __init__(self, *arguments: str, alone: bool = False) -> None:
        own_network = ["unshare", "-n"] if alone else []
        self.process = subprocess.Popen(
            [*own_network, sys.executable, "-m", "tests.support.link_lab", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


def lab(folder: Path) -> None:
    authority = TestAuthority(folder)
    certificate = authority.certify()
    _ip("link", "set", "lo", "up")
    broker = Child("broker", str(certificate.file), alone=True)
    writers: dict[str, Child] = {}
    try:
        port = _connect(broker)
        for kind, ending in WRITERS:
            writers[f"{kind}-{ending}"] = Child("writer", kind, f"{kind}-{ending}", str(authority.ca_file), port)
        _say(json.dumps(_experiment(broker, writers)))
    finally:
        for child in (*writers.values(), broker):
            child.process.kill()
            child.process.wait()


def _connect(broker: Child) -> str:
    if broker.hear() != "here":
        raise SystemExit(NO_NETWORK)
    _ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(broker.process.pid))
    _ip("addr", "add", f"{NEAR}/24", "dev", "near")
    _ip("link", "set", "near", "up")
    broker.tell("listen")
    return broker.hear()


def _experiment(broker: Child, writers: dict[str, Child]) -> dict[str, object]:
    began = [writer.hear() for writer in writers.values()]
    broker.tell("pull")
    broker.hear()
    for writer in writers.values():
        writer.tell("go")
    written = [writer.hear() for writer in writers.values()]
    for name, writer in writers.items():
        writer.process.send_signal(ENDINGS[name.rpartition("-")[2]])
    time.sleep(DARK_S)
    broker.tell("plug")
    broker.hear()
    return {"began": began, "written": written, "heard": _listen(broker)}


def _listen(broker: Child) -> list[str]:
    until = time.monotonic() + WATCH_S
    while time.monotonic() < until:
        time.sleep(0.2)
        broker.tell("heard")
        heard = json.loads(broker.hear())
        if sum(name.startswith("other") for name in heard) == len(ENDINGS):
            until = min(until, time.monotonic() + QUIET_S)
    return sorted(heard)


def broker(certificate: Path) -> None:
    heard: list[str] = []
    _say("here")
    for line in sys.stdin:
        match line.strip():
            case "listen":
                _ip("addr", "add", f"{FAR}/24", "dev", "far")
                _ip("link", "set", "far", "up")
                _say(_serve(Certificate(certificate).server_context(), heard.append))
            case "pull":
                _ip("link", "set", "far", "down")
                _say("pulled")
            case "plug":
                _ip("link", "set", "far", "up")
                _say("plugged")
            case _:
                _say(json.dumps(heard))


def _serve(context: ssl.SSLContext, note: Callable[[str], None]) -> str:
    listener = socket.create_server((FAR, 0))

    def converse(plain: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
            stream = connection.makefile("rb")
            for line in stream:
                if line.startswith(b"GET /warm/"):
                    connection.sendall(message(200, {}))
                elif line.startswith(b"POST /"):
                    note(line.split()[1].decode().strip("/"))

    def accept() -> None:
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=converse, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return str(listener.getsockname()[1])


def writer(kind: str, name: str, ca_file: str, port: str) -> None:
    clock = SystemClock()
    address = Address(family=socket.AF_INET, endpoint=(FAR, int(port)))
    transport = build_live_transport(clock=clock, ca_file=ca_file, lookup=lambda *_: [address])
    session = BrokerSession(adapter=transport, clock=clock)
    warm = session.exchange(WireRequest(method="GET", path="/warm/"), timeout_s=10)
    _say("ready" if isinstance(warm, WireReply) else str(warm))
    sys.stdin.readline()
    request, timeout_s = WireRequest(method="POST", path=f"/{name}/"), ATTEMPT_S[name.rpartition("-")[2]]
    if kind == "order":
        session.exchange(request, timeout_s=timeout_s, permit=_told_when_written())
    else:
        threading.Timer(0.8, lambda: _say("written, by all appearances")).start()
        session.exchange(request, timeout_s=timeout_s)


@contextmanager
def _told_when_written():
    yield
    _say("written")


def main(part: str, *arguments: str) -> None:
    match part:
        case "lab":
            lab(Path(*arguments))
        case "broker":
            broker(Path(*arguments))
        case _:
            writer(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # threads that wait for the far end are not waited for
