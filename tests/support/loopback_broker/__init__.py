"""A stand-in for the broker on this machine: real sockets, real TLS, and faults by script."""
