#!/usr/bin/env bash
# mcp (the Python SDK) 1.30 and 2.3: a call that timed out before it was sent is sent afterwards, and carried out.
#
# One would guess that a call which has ended in a timeout, and of which no byte had left, is over. But the timeout of
# `call_tool` ends the waiting for an answer alone. The POST belongs to a task of its own, which goes on: where the
# connection is slow to come about, the order leaves once it has, seconds after its caller was told that it timed out
# and may have sent it again. (2.3 sends a notice of cancellation too; a server of the 2025 protocols need not heed it.)
#
# What to do: a deadline has to end the connection and not the waiting. A client of httpx that is given its own
# timeouts (`httpx.Timeout(connect=...)`, shorter than the call's) bounds this case, and none that waits for a pool, a
# proxy or a login. Nothing of the SDK tells whether a byte was written; a connection of your own can.
#
# Seen with CPython 3.11.7 on Linux 6.18; a TLS handshake takes 3 s, the call has 1 s:
#
#   mcp 1.30.0: raised McpError after 1 s, at the server by then: []; 4 s later: ['one']
#   mcp 2.3.0: raised MCPError after 1 s, at the server by then: []; 4 s later: ['one']
#
# Exits 0 while this is so, 1 once it is not, 2 without openssl. PYTHON names the interpreter (default python3).
# Loopback only.
set -euo pipefail

command -v openssl >/dev/null || { echo "needs openssl" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/key.pem" -out "$folder/cert.pem" -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null

cat >"$folder/try.py" <<'PYTHON'
import asyncio
import json
import ssl
import sys
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

IS_OLD = version("mcp").startswith("1.")
if IS_OLD:
    import httpx
else:
    import httpx2 as httpx

folder = Path(sys.argv[1])
is_slow = threading.Event()
sent = []


def result_of(method, params):
    if method == "initialize":
        info = {"name": "stand-in", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    sent.append(params["arguments"]["ref_id"])
    return {"content": [{"type": "text", "text": "done"}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = b""
        if "id" in asked:
            result = result_of(asked["method"], asked.get("params", {}))
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
        self.answer(200 if body else 202, body)

    def do_GET(self):
        self.answer(405, b"")

    do_DELETE = do_GET

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "cert.pem", folder / "key.pem")


class SlowToGreet(ThreadingHTTPServer):
    daemon_threads = True

    def process_request_thread(self, request, client_address):
        if is_slow.is_set():
            time.sleep(3)
        super().process_request_thread(context.wrap_socket(request, server_side=True), client_address)


server = SlowToGreet(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()


async def outcome():
    trust = ssl.create_default_context(cafile=folder / "cert.pem")
    one_each = httpx.Limits(max_keepalive_connections=0)  # as after any pause: the connection has to be made anew
    async with (
        httpx.AsyncClient(verify=trust, trust_env=False, limits=one_each, timeout=30) as client,
        streamable_http_client(f"https://localhost:{server.server_port}/mcp", http_client=client) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        is_slow.set()
        raised = "nothing"
        try:
            await session.call_tool(
                "place", {"ref_id": "one"}, read_timeout_seconds=timedelta(seconds=1) if IS_OLD else 1.0
            )
        except Exception as error:
            raised = type(error).__name__
        by_then = list(sent)
        await asyncio.sleep(4)
        return raised, by_then, list(sent)


raised, by_then, later = asyncio.run(outcome())
print(f"mcp {version('mcp')}: raised {raised} after 1 s, at the server by then: {by_then}; 4 s later: {later}")
sys.exit((raised.lower(), by_then, later) != ("mcperror", [], ["one"]))
PYTHON

tried() {
    "${PYTHON:-python3}" -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install --quiet --disable-pip-version-check "mcp==$1"
    "$folder/$1/bin/python" "$folder/try.py" "$folder"
}

tried 1.30.0
tried 2.3.0
