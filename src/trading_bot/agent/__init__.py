"""The broker's official agent interface: JSON-RPC by POST, with logins by OAuth.

What it guarantees:

1. A place leaves once, as the very bytes of its intent (`order_call`), within a session that was opened before
   (`json_rpc`). Whether any byte was written is recorded by our own connection. Nothing here sends it again.
2. A place is accepted or rejected only by what proves it (`outcomes`). Any other end after the first byte is unknown.
3. Reads and cancels may be asked again, within bounds (`calls`). A read that failed is an error, never an empty list.
4. Calls leave under four a second, cancels and exits first (`rate`).
5. A tool or argument that the server no longer has is named at the start of a run, and halts entries (`drift`).

What it does not: it opens no event stream of the server and sends no cancel notification, because nobody knows what
the server makes of one. The limit of calls is the login's, so processes beside each other share it unknowingly. How the
real server says that it lost a session was never seen, so whatever may mean it is taken for it where asking again is
safe.
"""
