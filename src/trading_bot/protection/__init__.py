"""Protection plans: shares of a symbol are sold once its price has fallen to a stop, risen to a target, or trailed off.

What it guarantees:

1. A plan is on record before anything acts on it, and survives a restart.
2. A plan never sells more than its shares: what an order of it may still sell counts as sold, and what an order that
   ended has sold is taken off in one record.
3. A watched leg sells only if two reads of one quote each, at least ``confirm_s`` apart and with no other read between,
   show both the bid and the last regular trade through, and neither read is unfit (`rules`).
4. A plan of which nothing can be concluded is suspended, on record, and an alert says why.

How: `rules` decides, and acts on nothing. `plans` has what a plan covers, and what its orders that ended leave of it.
`keeper` lets the stop rest at the broker and settles what was bought and sold. `watcher` reads quotes, asks the rules,
and leaves the position by an exit like any other, which takes the resting stop over. `service` is the face of it all.

What it does not guarantee is a price, or a sale. A gap or a halt sells far below the stop, or not at all. A stop-limit
that rests works in regular hours while this program does not run; target and trail, and a stop that cannot rest, work
only while program, network and login do.
"""
