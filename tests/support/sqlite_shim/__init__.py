"""Faults below SQLite: a file layer (VFS) between Python's own SQLite and the disk, and stops at its statements.

What it does: `vfs` records every write, truncate, sync and delete of a database file in their order, and can fail,
tear or drop any of them, or end the process there. `statements` ends the process at the n-th statement. `disk` rebuilds
from a recording what a crash of the machine may leave.

How: through ctypes on the very library that the module ``sqlite3`` loaded (`library`); another copy of SQLite would
prove nothing about ours. The layer copies SQLite's own one and replaces the calls that change a file; reads and locks
stay the original functions.

What it does not do: it sees no change of the shared memory file (that is mapped memory, which a crash loses as a
whole), and it cannot know in which order a disk stores what was not synced. `disk` therefore tries any subset.
"""
