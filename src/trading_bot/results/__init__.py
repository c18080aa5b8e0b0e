"""What trading came to, by the journal's records: fills, lots, results, and what the account was worth.

What it guarantees: every figure is computed from records that are on disk, exactly, and none is guessed. Shares whose
cost no record tells have the cost None, and so have the results that would rest on it.

How: `history` folds the records of a whole journal, oldest first, into fills, positions that were taken as they are,
and valuations. `lots` puts the fills into lots, first in, first out. Both are pure; `on_record` reads the records.

What it does not: it reads no broker, and it gives no tax advice. Two figures of one sale may differ: the limits of a
day and `account` count by average cost (`risk.cost_basis`), lots by first in, first out. Over shares that were all
sold they add up to the same.
"""
