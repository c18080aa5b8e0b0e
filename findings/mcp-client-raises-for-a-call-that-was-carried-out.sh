#!/usr/bin/env bash
# mcp (the Python SDK) 1.30 and 2.3: a call that the server carried out ends in an exception, and its result is lost.
#
# One would guess that `ClientSession.call_tool` raises if the call failed, and returns what the server answered if it
# did not. But a good answer is compared with the output schema that the server listed, once the tool has run. One field
# more than the schema allows, and RuntimeError is all that the caller gets: not the result, not the id of what was
# made. A server whose schema lags behind its replies, as they do, so turns every order that it takes into an error;
# whoever takes that for a failure and calls again has two.
#
# What to do: where a call changes something, read the reply yourself (json-rpc is a POST), or take any exception but a
# refusal of the server's own for an outcome that is not known. There is no option that leaves the check out.
#
# Seen with CPython 3.11.7 on Linux 6.18:
#
#   mcp 1.30.0: raised RuntimeError: Invalid structured content returned by tool place; at the server: ['order 1']
#   mcp 2.3.0: raised RuntimeError: Invalid structured content returned by tool place; at the server: ['order 1']
#
# Exits 0 while this is so, 1 once it is not. PYTHON names the interpreter (default python3). Loopback only.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/try.py" <<'PYTHON'
import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}},
    "required": ["id"],
    "additionalProperties": False,
}
made = []


def result_of(method, params):
    if method == "initialize":
        info = {"name": "stand-in", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": [{"name": "place", "inputSchema": {"type": "object"}, "outputSchema": SCHEMA}]}
    made.append(f"order {len(made) + 1}")
    order = {"id": made[-1], "ref_id": params["arguments"]["ref_id"]}
    return {"content": [{"type": "text", "text": json.dumps(order)}], "structuredContent": order}


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


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()


async def outcome():
    url = f"http://127.0.0.1:{server.server_port}/mcp"
    async with streamable_http_client(url) as streams, ClientSession(*streams[:2]) as session:
        await session.initialize()
        try:
            return f"returned {await session.call_tool('place', {'ref_id': 'one'})}"
        except RuntimeError as error:
            return f"raised RuntimeError: {str(error).partition(':')[0]}"


told = asyncio.run(outcome())
print(f"mcp {version('mcp')}: {told}; at the server: {made}")
sys.exit((told, made) != ("raised RuntimeError: Invalid structured content returned by tool place", ["order 1"]))
PYTHON

tried() {
    "${PYTHON:-python3}" -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install --quiet --disable-pip-version-check "mcp==$1"
    NO_PROXY=127.0.0.1 "$folder/$1/bin/python" "$folder/try.py"
}

tried 1.30.0
tried 2.3.0
