"""Where to look first: a schedule that found each bug before. Only where that took a while; nothing rests on it."""

from collections.abc import Mapping

FIRST_SEEDS: Mapping[str, int] = {
    "a dropped cancel is not asked for again": 5,
    "a kill is forgotten once the account is armed again": 27,
    "a refused cancel counts as closed": 6,
    "a refused second request ends the doubt about the first": 4,
    "a server error is booked as a refusal": 5,
    "a start arms the account again": 30,
    "every report moves the state": 8,
    "executions are not told apart": 10,
    "part of a list proves absence": 28,
    "presumed absent is taken for an end": 39,
    "replies are recorded unmasked": 4,
    "the first page is taken for all": 28,
    "the latch is not read again before the first byte": 14,
    "the latch is not read at all": 17,
    "too many attempts": 41,
    "unresolved orders reserve nothing": 8,
}
