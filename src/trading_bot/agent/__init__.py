"""The broker's official agent interface: JSON-RPC by POST, with logins by OAuth.

What it guarantees: a place leaves once, as the very bytes of its intent; whether any byte was written is recorded by
our own connection. Nothing here opens an event stream of the server or sends a cancel notification.
"""
