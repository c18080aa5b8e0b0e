"""The journal: every fact of an account, numbered, chained by hashes and committed before anything rests on it.

What each engine guarantees stands in `port`, and how SQLite keeps it in `sqlite`. Around them:

- `chain` gives a record its number and hash, and `record_text` reads its text back.
- `record_writer` makes one transaction of the records that wait.
- `audit_log` writes every committed record as one line of text, which any tool can read.
- `side_files` takes the facts that the database cannot take, and the records of a kill.
- `import_v1` takes over the journal of version 0.1, which `v1` reads.
"""
