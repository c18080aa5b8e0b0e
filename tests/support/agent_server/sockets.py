"""The front of real sockets: TLS on loopback for both hosts, with streams that the server may leave open."""

import ssl

from tests.support.agent_server.faults import BEFORE_WRITING, Fault, Reset, Silence
from tests.support.agent_server.http import AGENT_HOST, GRANT_HOST, Answered, Asked
from tests.support.agent_server.server import AgentServer
from tests.support.loopback_broker import acts
from tests.support.loopback_broker.authority import TestAuthority
from tests.support.loopback_broker.server import Heard, LoopbackServer

STREAM_TYPE = "text/event-stream"
_REASONS = {200: "OK", 202: "Accepted", 404: "Not Found"}


def trust_both_hosts(authority: TestAuthority) -> ssl.SSLContext:
    """A context that shows a certificate for each host that the interface has."""
    return authority.certify(AGENT_HOST, GRANT_HOST).server_context()


def socket_front(server: AgentServer, context: ssl.SSLContext, *, keeps_streams_open: bool = False) -> LoopbackServer:
    """A server on a port of its own; its ``lookup`` leads both hosts to it.

    A stream that is kept open has its answer, and then says nothing more until the client leaves.
    """
    return LoopbackServer(context, lambda heard: _act(server, heard, keeps_open=keeps_streams_open))


def _act(server: AgentServer, heard: Heard, *, keeps_open: bool) -> acts.Act:
    asked = Asked(
        method=heard.method,
        host=heard.headers.get("host", ""),
        path=heard.path,
        headers=heard.headers,
        body=heard.body,
    )
    fault = server.fault_of(asked)
    if fault in BEFORE_WRITING:
        raise ValueError(f"{fault} strikes before a request: script it as a greeting of the socket server")
    try:
        answered = server.serve(asked, fault)
    except Silence:
        return acts.hang
    except Reset:
        return acts.reset
    if fault is Fault.CUT:
        return acts.send(_cut(answered), and_close=True)
    if _is_stream(answered):
        return _stream(answered, keeps_open=keeps_open)
    return acts.send(_head(answered, length=len(answered.body)) + answered.body)


def _stream(answered: Answered, *, keeps_open: bool) -> acts.Act:
    head = _head(answered, length=None)

    def act(connection, stop) -> bool:
        connection.sendall(head + b"%x\r\n" % len(answered.body) + answered.body + b"\r\n")
        if not keeps_open:
            connection.sendall(b"0\r\n\r\n")
            return True
        connection.recv(1)  # until the client hangs up, or the server is stopped
        return False

    return act


def _is_stream(answered: Answered) -> bool:
    return answered.headers.get("Content-Type", "").startswith(STREAM_TYPE)


def _cut(answered: Answered) -> bytes:
    """A whole head, and a body that ends too soon: shorter than it said, or a stream without its last chunk."""
    if not _is_stream(answered):
        return _head(answered, length=len(answered.body) * 2) + answered.body
    return _head(answered, length=None) + b"%x\r\n" % len(answered.body) + answered.body + b"\r\n"


def _head(answered: Answered, *, length: int | None) -> bytes:
    framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
    lines = [f"HTTP/1.1 {answered.status} {_REASONS.get(answered.status, 'Words')}"]
    lines += [f"{name}: {value}" for name, value in (*answered.headers.items(), framing)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
