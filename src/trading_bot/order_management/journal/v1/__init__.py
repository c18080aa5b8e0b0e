"""The journal of version 0.1, read without writing: what the first start of a later version proves and takes over.

0.1 kept a live file of lines, finished segments that it names one after another, and, where the live file had failed,
a continuation beside it. Before a line is believed:

1. Every segment is there, begins with a record that names the one before it, and follows from its last record.
2. Every record has the right hash and follows from the one before it. Only the end may be unfinished, as a crash leaves
   it, or hold one intent that was refused while its writer went on in a continuation.
3. The journal reaches to the head that was noted outside of it, with the same hash.
4. The files belong to us alone.

Not proven: that records after the noted head were not cut off. 0.1 could not prove that either.

Lines are read in parts, so a long journal needs no more memory than a short one. A continuation is held in memory: it
is what one process wrote after its disk had failed.
"""
