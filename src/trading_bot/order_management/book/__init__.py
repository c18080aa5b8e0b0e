"""The book: the state of one account, folded from its journal.

What this room guarantees:

1. The journal's records are the only input. The same records give the same book, so a restart forgets nothing.
2. The book can be rebuilt from the standing records alone (`pointers`), so a start does not read history.
3. A record that cannot follow from the ones before it is refused, and changes nothing.

Against: crashes at any moment, records that were kept in a side file while the database failed (`side_import`). Not
against: a journal with a false record; the chain of hashes (`journal`) and the broker's reports (`sync`) find that.

`order_book` is the fold. `tracked_order` is one order; `standing` holds what belongs to no order, with `freezes`,
`exit_facts` and `acceptances`; `position_book` holds the positions. `housekeeping` lets old orders leave.
"""
