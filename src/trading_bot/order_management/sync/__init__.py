"""What the broker says, and what that proves.

What this room guarantees:

1. **Only evidence moves an order**: a report of the broker's, or a decision of a named person. Fills are booked before
   states, once each by their ids, and never fall but by a bust.
2. **Presence is proven by one row. Absence is presumed after two whole listings**, a minute apart, both begun after the
   last byte can have arrived, each with a positive control: the account answers, and a known order stands in the same
   list. An empty answer alone proves nothing. Until its session has ended too, what is presumed absent stays reserved.
3. **Doubt stays with the row.** A row that cannot be read concerns its own order, symbol or instrument; it voids the
   one conclusion that needed it and nothing else.
4. **A report that is older than an end does not undo it.** What works at the broker after it had ended here, or under
   a ``ref_id`` of ours twice, is cancelled at once and never adopted silently.
5. **Free shares err on the low side** (`free_shares`): the lesser of what our fills explain and what the broker shows,
   less every hold and every sell that is known.
6. **A difference of positions counts once it lasts**, and freezes entries of its symbol until both agree again.
7. Everything read has an age. An entry rests on a view that is young enough (`freshness`); an exit does not need one.

Against: lists that lag, are cut or reordered, odd rows, clocks that jump, a machine that sleeps, a second writer. Not
against: a broker that shows consistent falsehoods.

`synchronizer` reads and books, `search` and `absence` end doubt, `foreign` says whose a row is, `external_orders` keeps
what is not ours, `positions` and `free_shares` say what may be sold, `drift` what a difference does.
"""
