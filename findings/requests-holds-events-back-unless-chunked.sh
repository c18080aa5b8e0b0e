#!/usr/bin/env bash
# requests: the events of a stream arrive at once if the reply is chunked, and are held back if it is not.
#
# One would guess that `iter_lines()` of a reply read with `stream=True` yields a line once it has arrived. It does if
# the server sends `Transfer-Encoding: chunked`, because each chunk is handed on as it comes. A reply whose end is the
# end of its connection (`Connection: close`, as proxies make them) is read in pieces of exactly `chunk_size` bytes, 512
# by default, and each read waits until so many bytes are there. A server-sent event of 40 bytes on a stream that stays
# open is then never seen: the answer to a call has arrived, and the caller times out and takes it for lost.
#
# What to do: read with `response.raw.read1(n, decode_content=True)` (urllib3 2.2 and later), which returns what is
# there, and end at the event that was waited for. `chunk_size=1` works too, one call of the socket layer a byte.
#
# Seen with requests 2.32.5 and urllib3 2.5.0 on CPython 3.11.7, Linux 6.18:
#
#   chunked:      iter_lines -> b'data: answer'   read1 -> b'data: answer'
#   not chunked:  iter_lines -> ReadTimeout       read1 -> b'data: answer'
#
# Exits 0 while this is so, 1 once it is not, 2 where it cannot be tried. PYTHON names the interpreter (default python3).
set -euo pipefail

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || { echo "needs CPython 3.9; set PYTHON" >&2; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check requests==2.32.5 urllib3==2.5.0 || exit 2

cat >"$folder/try.py" <<'PYTHON'
import socket
import sys
import threading

import requests
import urllib3

EVENT = b"data: answer\n\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
REPLIES = {
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n" % (len(EVENT), EVENT),
    "not chunked": HEAD + b"Connection: close\r\n\r\n" + EVENT,
}


def address_of(reply):
    """Serve one request with the event, and leave the stream open."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(reply)
        connection.recv(1)  # until the client leaves

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def first_line(reply, read):
    session = requests.Session()
    session.trust_env = False
    with session.get(address_of(reply), stream=True, timeout=2) as response:
        try:
            return repr(read(response).splitlines()[0])
        except requests.exceptions.ConnectionError as error:  # what iter_lines makes of a read that timed out
            return "ReadTimeout" if "Read timed out" in str(error) else repr(error)


def by_lines(response):
    return next(response.iter_lines())


def by_read1(response):
    return response.raw.read1(8192, decode_content=True)


seen = {name: (first_line(reply, by_lines), first_line(reply, by_read1)) for name, reply in REPLIES.items()}
print("requests", requests.__version__, "urllib3", urllib3.__version__, "CPython", sys.version.split()[0])
for name, (lines, read1) in seen.items():
    print(f"{name + ':':<13} iter_lines -> {lines:<17} read1 -> {read1}")
answer = "b'data: answer'"
sys.exit(seen != {"chunked": (answer, answer), "not chunked": ("ReadTimeout", answer)})
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
