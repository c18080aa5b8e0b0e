#!/usr/bin/env bash
# requests, urllib3, Linux: a request that timed out is delivered later, even when its process is long gone.
#
# One would guess that after `requests.post(..., timeout=1)` has raised ReadTimeout, the connection was closed and the
# process has ended, the request either had arrived by then or never will. But a timeout only ends the waiting, and
# closing hands what was written to the kernel, which goes on retransmitting without anybody. When the link comes back,
# the server gets a whole, valid request from a process that no longer exists. No option of requests changes that.
#
# What to do where a late request does harm: set SO_LINGER (1, 0) before writing, so that closing throws away what was
# not delivered (the kernel closes for a killed process too), and TCP_USER_TIMEOUT, so that the kernel gives up by
# itself while the process still holds the socket. Both through urllib3's `socket_options`, or on the socket itself.
#
# Seen with CPython 3.11.7, requests 2.32.5, urllib3 2.5.0 on Linux 6.18:
#
#   as it comes:       ReadTimeout; its process had ended 2.5 s before the link was back; POST arrived: True
#   with both options: ReadTimeout; its process had ended 2.5 s before the link was back; POST arrived: False
#
# Exits 0 while this is so, 1 once it is not, 2 where it cannot be tried (it needs Linux, ip, and unshare -rn).
set -euo pipefail

python=${PYTHON:-python3}
command -v ip >/dev/null && unshare -rn true 2>/dev/null || { echo "needs ip and unshare -rn" >&2; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check requests==2.32.5 urllib3==2.5.0

cat >"$folder/client.py" <<'PYTHON'
import socket
import struct
import sys

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

port, is_bound = sys.argv[1], sys.argv[2] == "bound"
BOUND = [
    (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000),
]


class Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments, **options):
        extra = BOUND if is_bound else []
        super().init_poolmanager(
            *arguments, socket_options=[*HTTPConnection.default_socket_options, *extra], **options
        )


with requests.Session() as session:
    session.mount("http://", Adapter())
    session.trust_env = False
    session.get(f"http://10.78.0.2:{port}/", timeout=10)
    print("connected", flush=True)
    sys.stdin.readline()
    try:
        session.post(f"http://10.78.0.2:{port}/{sys.argv[2]}", data=b"one more", timeout=1)
    except requests.exceptions.RequestException as error:
        print(type(error).__name__, flush=True)
PYTHON

cat >"$folder/server.py" <<'PYTHON'
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

arrived = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "POST" and body == b"one more":
            arrived.append(self.path.strip("/"))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


print("here", flush=True)
for line in sys.stdin:
    if line == "listen\n":
        ip("addr", "add", "10.78.0.2/24", "dev", "far")
        ip("link", "set", "far", "up")
        server = ThreadingHTTPServer(("10.78.0.2", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_port, flush=True)
    elif line in ("down\n", "up\n"):
        ip("link", "set", "far", line.strip())
        print("done", flush=True)
    else:
        print(" ".join(arrived), flush=True)
PYTHON

cat >"$folder/lab.py" <<'PYTHON'
import subprocess
import sys
import time
from importlib.metadata import version

folder = sys.argv[1]
KINDS = {"free": "as it comes:      ", "bound": "with both options:"}


def start(*command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(process, line=""):
    if line:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    return process.stdout.readline().strip()


server = start("unshare", "-n", sys.executable, f"{folder}/server.py")
assert ask(server) == "here"
for arguments in (
    ("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(server.pid)),
    ("addr", "add", "10.78.0.1/24", "dev", "near"),
    ("link", "set", "near", "up"),
):
    subprocess.run(["ip", *arguments], check=True)
port = ask(server, "listen")
clients = {kind: start(sys.executable, f"{folder}/client.py", port, kind) for kind in KINDS}
assert [ask(client) for client in clients.values()] == ["connected"] * len(KINDS)
ask(server, "down")
for client in clients.values():
    client.stdin.write("go\n")
    client.stdin.flush()
raised = {kind: ask(client) for kind, client in clients.items()}
for client in clients.values():
    client.wait()
ended = time.monotonic()
time.sleep(2.5)
ask(server, "up")
back = time.monotonic()
until, arrived = back + 15, []
while time.monotonic() < until and not arrived:
    time.sleep(0.5)
    arrived = ask(server, "arrived?").split()
time.sleep(2)
arrived = ask(server, "arrived?").split()
server.kill()
print("requests", version("requests"), "urllib3", version("urllib3"), "python", sys.version.split()[0])
for kind, name in KINDS.items():
    print(
        f"{name} {raised[kind]}; its process had ended {back - ended:.1f} s before the link was back; "
        f"POST arrived: {kind in arrived}"
    )
sys.exit((raised, arrived) != (dict.fromkeys(KINDS, "ReadTimeout"), ["free"]))
PYTHON
unshare -rn "$folder/venv/bin/python" "$folder/lab.py" "$folder"
