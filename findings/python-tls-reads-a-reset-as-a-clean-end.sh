#!/usr/bin/env bash
# CPython 3.10 to 3.12: a TLS socket reads a TCP reset as a clean end of the stream.
#
# One would guess that reading from a connection which the other side has reset raises ConnectionResetError, over TLS
# as over plain TCP. It does so in CPython 3.9 and 3.13. In 3.10, 3.11 and 3.12 `SSLSocket.recv` returns b"", because
# the error of the system call is lost and the default `suppress_ragged_eofs=True` turns what is left into an end.
# So HTTP libraries that read a body "until the connection closes" take a body that a reset cut short for a whole one:
# urllib3 raises for the plain connection and returns the first half, without any error, for the TLS connection.
#
# What to do: believe a body only if its length or its last chunk came with it, or if its content proves that it is
# whole, such as a JSON document that ends.
#
# Seen with CPython 3.11.7, OpenSSL 3.0.19, urllib3 2.5.0 on Linux 6.18:
#
#   plain: recv -> ConnectionResetError    body of unknown length -> ProtocolError
#   tls:   recv -> b''                     body of unknown length -> b'half a bo'
#
# Exits 0 while this is so, 1 once it is not, 2 where it cannot be tried. PYTHON names the interpreter (default python3).
set -euo pipefail

python=${PYTHON:-python3}
case $("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') in
    3.10 | 3.11 | 3.12) ;;
    *) echo "needs CPython 3.10, 3.11 or 3.12; set PYTHON" >&2; exit 2 ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check urllib3==2.5.0
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null

cat >"$folder/try.py" <<'PYTHON'
import socket
import ssl
import struct
import sys
import threading
import time

import urllib3

folder = sys.argv[1]
HALF = b"HTTP/1.1 200 OK\r\n\r\nhalf a bo"


def served(tls, answer, wait):
    """Serve one connection: read once, answer, and reset it when told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/certificate.pem", f"{folder}/key.pem")
            connection = context.wrap_socket(connection, server_side=True)
        connection.recv(4096)
        connection.sendall(answer)
        wait.wait(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def named(call):
    try:
        return repr(call())
    except Exception as error:
        return type(error).__name__


def by_recv(tls):
    reset = threading.Event()
    port = served(tls, b"x", reset)
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    if tls:
        context = ssl.create_default_context(cafile=f"{folder}/certificate.pem")
        sock = context.wrap_socket(sock, server_hostname="localhost")
    sock.sendall(b"?")
    assert sock.recv(1) == b"x"
    reset.set()
    time.sleep(0.5)
    return named(lambda: sock.recv(1))


def by_urllib3(tls):
    reset = threading.Event()
    port = served(tls, HALF, reset)
    pool = (
        urllib3.HTTPSConnectionPool("localhost", port, ca_certs=f"{folder}/certificate.pem")
        if tls
        else urllib3.HTTPConnectionPool("localhost", port)
    )
    response = pool.request("GET", "/", preload_content=False, retries=False, timeout=10)
    first = response.read(4)
    reset.set()
    time.sleep(0.5)
    return named(lambda: first + response.read())


seen = {tls: (by_recv(tls), by_urllib3(tls)) for tls in (False, True)}
print(sys.version.split()[0], ssl.OPENSSL_VERSION, "urllib3", urllib3.__version__)
for tls, (received, body) in seen.items():
    print(f"{'tls:  ' if tls else 'plain:'} recv -> {received:<24} body of unknown length -> {body}")
expected = {False: ("ConnectionResetError", "ProtocolError"), True: ("b''", "b'half a bo'")}
sys.exit(seen != expected)
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder"
