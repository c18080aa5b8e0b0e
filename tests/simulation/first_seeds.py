"""Where to look first: a schedule that found each bug before. Only where that took a while; nothing rests on it."""

from collections.abc import Mapping

FIRST_SEEDS: Mapping[str, int] = {
    "a cancel that the broker has taken counts as closed": 6,
    "a dropped cancel is not asked for again": 6,
    "a failed commit is taken for a good one": 13,
    "a kill is forgotten once the account is armed again": 24,
    "a live order is recorded as one on paper": 3,
    "a refused cancel counts as closed": 6,
    "a refused second request ends the doubt about the first": 38,
    "a server error is booked as a refusal": 8,
    "a start arms the account again": 18,
    "an intent is folded before its commit": 13,
    "an order brought back does not stand again": 32,
    "an order rests on an old view": 7,
    "deferred cancels are forgotten": 6,
    "every report moves the state": 32,
    "interrupted submits are not doubted": 109,
    "names are not given away with their order": 8,
    "orders that left are not looked for": 32,
    "part of a list proves absence": 28,
    "presumed absent is taken for an end": 13,
    "the latch is not read again before the first byte": 24,
    "the latch is not read at all": 24,
    "too many attempts": 41,
    "unresolved orders reserve nothing": 11,
}
