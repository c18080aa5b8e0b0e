"""Cancelling until an end is proven.

What this room guarantees:

1. **Nothing is called cancelled without a report of the broker that shows it.** A reply to a cancel is about the
   request, never about the order. A fill may win until then, and wins if it did.
2. **A cancel may be repeated**, so every doubt about one is answered by asking again.
3. **A wish outlives the process.** An order whose own outcome is unknown is marked, and whoever finds it cancels it, in
   this process or the next one. The mark is committed before the cancels beside it are followed. The wish to cancel an
   order that the broker has is committed with what became of it.
4. **One order hides no other.** Each has a result of its own; a cancel that fails or hangs takes no time from the
   others but its share of the deadline.
5. **A failed listing stops no cancel.** Our own orders come from the book. A listing only adds what the book lacks.
6. A cancel asks no latch, and no journal that can be written: where a record cannot be made, it goes out all the same.

Against: lost requests and replies, listings that lag or are cut, orders that come back. Not against: an order that
somebody else places while everything is cancelled, after the last list.

`step` asks and reads for any watcher (the kill switch uses it too), `tracker` puts on record what that teaches,
`canceller` is the service, `cancel_all` goes round after round until nothing is open.
"""
