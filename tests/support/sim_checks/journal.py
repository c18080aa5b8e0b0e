"""The journal itself: one chain that nobody alters, and a start that would know all that it tells. I12 and I15."""

import base64
from collections.abc import Iterator
from urllib.parse import unquote

from tests.support.sim_account import ACCOUNT
from tests.support.sim_checks.view import View
from trading_bot.order_management.journal.chain import GENESIS

_SECRETS = (ACCOUNT, "access-", "refresh-")
_LONGEST_WORD = 100
"""No form of a secret has so many characters."""


def i12_chain(view: View) -> Iterator[str]:
    """I12: the records are one chain without a gap, and none that a process was told is stored is altered or lost."""
    if view.is_rewritten:
        now = {record.seq: record.hash for record in view.records}
        is_lasting = view.world.stored.is_lasting
        if any(now.get(was.seq) != was.hash for was in view.altered if is_lasting(was.seq)):
            yield "I12 a committed record was altered or lost"
    first = len(view.records) - len(view.fresh)
    before = view.records[first - 1].hash if first else GENESIS
    for number, record in enumerate(view.fresh, start=first + 1):
        if (record.seq, record.prev) != (number, before):
            yield f"I12 record {record.seq} does not follow the one before it"
        before = record.hash


def i12_stands(view: View) -> Iterator[str]:
    """I12: the next start refolds what stands only, so that has to tell all that has not ended, as the whole does."""
    book, standing = view.book, view.standing
    told = {order.client_order_id: order for order in standing}
    for order in book:
        name = order.client_order_id
        if name not in told and not order.state.is_terminal:
            yield f"I4 {name} is {order.state} and no record of it stands"
        elif name in told and told[name] != order:
            yield f"I12 the standing records tell another {name} than all do: {told[name]} / {order}"
    if standing.standing_facts() != book.standing_facts():
        yield "I12 the standing records tell of other halts or freezes than all do"
    if set(standing.exits.all()) != set(book.exits.all()):
        yield "I12 the standing records tell of other exits than all do"
    if standing.positions != book.positions:
        yield "I12 the standing records tell of other positions than all do"


def i12_memory(view: View) -> Iterator[str]:
    """I12: the process knows what is on record, and no more and no less."""
    world, standing = view.world, view.standing
    if world.bot is None or world.store is None:
        return
    with world.store.open_book() as memory:
        is_equal, stands = memory == standing, memory.pointers.all() == standing.pointers.all()
        if is_equal and stands and view.known is view.book:
            return  # and `i12_stands` has compared that with all records
        in_memory = {order.client_order_id: order for order in memory}
    on_disk = {order.client_order_id: order for order in view.known}
    differing = [name for name, order in in_memory.items() if on_disk.get(name) != order]
    if differing:
        first = differing[0]
        yield f"I12 memory and journal differ: {in_memory[first]} / {on_disk.get(first)}"
    missing = {name for name, order in on_disk.items() if not order.state.is_terminal} - in_memory.keys()
    yield from (f"I4 {name} is on record, and the process does not know it" for name in missing)
    if world.knows_all() and not is_equal:
        yield "I12 a start would know something else than the process does"
    if world.knows_all() and not stands:
        yield "I12 other records stand than the process rests on"


def i15_confidentiality(view: View) -> Iterator[str]:
    """I15: no secret is in any record or file, plain, escaped as in a URL, or in base64."""
    journal = "".join(repr(record.fact) for record in view.unsearched)
    view.unsearched.clear()
    yield from (f"I15 the journal holds {word}" for word in _secrets_in(journal))
    for path in view.world.config.logs_dir.iterdir():
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from (f"I15 {path.name} holds {word}" for word in _secrets_in(_unsearched(view, path.name, text)))


def _unsearched(view: View, name: str, text: str) -> str:
    """Return what a file has more than at the last look, and enough before that for a word that begins there."""
    before, view.memory.searched[name] = view.memory.searched.get(name, ""), text
    return text[max(len(before) - _LONGEST_WORD, 0) :] if text.startswith(before) else text


def _secrets_in(text: str) -> Iterator[str]:
    yield from (word for word in _SECRETS if word in text)
    plain = unquote(text) if "%" in text else text
    yield from (f"{word}, escaped" for word in _SECRETS if plain is not text and word in plain and word not in text)
    yield from (f"{word} in base64" for word, code in _IN_BASE64 if code in text)


def _in_base64(secret: str) -> Iterator[str]:
    """Yield what base64, of either alphabet, makes of a secret that begins at any byte of a longer text."""
    for before in range(3):
        code = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        # The first and the last characters depend on the bytes around it too.
        yield code[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


_IN_BASE64 = tuple((secret, code) for secret in _SECRETS for code in _in_base64(secret))


def i15_hosts(view: View) -> Iterator[str]:
    """I15: no request goes to a host that is not the broker's."""
    yield from (f"I15 a request left for {host}" for host in view.world.broker.strayed)
