"""Submitting an order once.

What this room guarantees:

1. **Once.** One client order id is one order: the same id sends nothing again, unless it is proven that nothing of the
   order reached the broker. Then the same intent goes out once more, with the same bytes and the same ``ref_id``. No
   intent ever has a second ``ref_id``.
2. **Write ahead.** No byte of an order leaves before its intent is durable. A gateway takes nothing but the proof of
   that (`DurableIntent`).
3. **One decision at a time.** Whether an order is new, whether its shares are free, how many are pending, and writing
   it ahead are one critical section (`Admission.begin`), under the store's lock. So two orders that are too much only
   together cannot both pass.
4. **No reading inside.** Whatever the broker has to be asked is asked before, by every caller for itself and in
   bounded time. No caller waits for another one's slow read.
5. **The last look.** Between the send lock and the first byte, latch, arming, deadline and cancels are read afresh
   (`SendGate`). A kill that has the lock is not overtaken.
6. **Four endings.** Every submit ends as accepted, rejected, not sent or unknown; what follows from each is one table
   (`endings`). Unknown is never turned into anything else by time, only by evidence.
7. **A way out.** A sell of shares that are held and free is bound by a kill, by a journal that cannot record it and by
   the session, and by nothing else. Every other rule is for entries.

Against: lost requests and replies, retries of callers and of ours, several threads, a kill at any moment, a crash at
any moment. Not against: a second writer on the account whose orders are not in this journal (`sync` finds those later),
and a machine that stops between the last look and the first byte.

How an order travels: `placement` (price, read, decide, submit, record), `admission` and `intents` (is it new), `halts`
(what stops it), `protocol` (attempts and look-ups), `send_gate` (the last look), `endings` and `recorder` (what is left
behind). `replace` is a cancel and then a submit; `exit` is a ladder of submits.
"""
