"""The paper broker: an exchange in this process that speaks the broker's private wire.

`transport` takes the requests that would go to the network, `endpoints` finds the operation of a URL, `exchange` does
it, and `wire_pages` writes the answer as the broker would. The state is kept by `sqlite_store` between processes;
`batched_store` holds it in memory for a replay, whose account is thrown away.
"""
