"""docs/mutation.md, from the figures and the reasons that are kept."""

from collections.abc import Mapping, Sequence

from tests.mutation.figures import Figures, Reason, kept_figures, reasons
from tests.mutation.rooms import HERE, rooms

PAGE = HERE / "docs" / "mutation.md"

_OPENING = """# Do the tests notice a wrong line?

Each room of the order layer is broken on purpose, one small change at a time: another comparison, an argument left
out, a condition turned round, a statement dropped. Such a change is a *mutant*. It is killed if a test fails, and it
has survived if every test that runs the changed line passes. This page is written by the command that runs them:

```
make mutate                  the files that differ from main, within ten minutes
make mutate FILES="..."      these files
make mutate ROOM=submit      400 mutants of one room, drawn by a seed
```

Mutants are made with [mutmut](https://mutmut.readthedocs.io)'s operators and a few of our own. Only quick tests take
part: none with processes, servers, simulated lives or fault sweeps. Text for people, annotations, decorators and
imports are not changed. Where many tests run a line, the quick ones of its own folder go first, and each mutant gets a
few seconds of them: a survivor may die of a slower test, never the other way round.

The table is a room after its survivors were looked at: tests were written for them. Mutants that nobody has looked at
fare worse. Drawn by seed 2 on 2026-11-28, the tests killed 94% of 400 in `sync`, and 88% of the first 172 of `book`.

| room | possible | tried | killed | timed out | survived | equivalent | killed, without equivalent | seed | date |
|---|---|---|---|---|---|---|---|---|---|
"""


def page_text(figures: Sequence[Figures], known: Mapping[str, Reason]) -> str:
    """Return the page."""
    order = list(rooms())
    told = sorted((each for each in figures if each.name in order), key=lambda each: order.index(each.name))
    rows = "".join(f"{_row(each, known)}\n" for each in told)
    return _OPENING + rows + _left_out() + "".join(_survivors(each, known) for each in told)


def write_page() -> None:
    """Write the page anew, and the figures where a reason was added."""
    for each in kept_figures():
        each.write()
    PAGE.write_text(page_text(kept_figures(), reasons()))


def _row(each: Figures, known: Mapping[str, Reason]) -> str:
    cells: tuple[object, ...] = (
        each.name,
        f"{each.possible:,}",
        each.count,
        each.killed,
        each.timed_out,
        len(each.survivors),
        each.equivalent(known),
        f"{each.share(known):.1%}",
        each.seed,
        each.date,
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _left_out() -> str:
    by_reason: dict[str, list[str]] = {}
    for room in rooms().values():
        for path, why in room.left_out.items():
            by_reason.setdefault(why, []).append(f"`{path.removeprefix('src/trading_bot/')}`")
    return "".join(f"\nNot mutated: {', '.join(paths)}, because it {why}.\n" for why, paths in by_reason.items())


def _survivors(each: Figures, known: Mapping[str, Reason]) -> str:
    if not each.survivors:
        return ""
    lines = []
    for one in each.survivors:
        reason = known.get(one.identity)
        why = f"{'equivalent: ' if reason.equivalent else ''}{reason.why}" if reason else "no reason yet"
        lines.append(f"- `{one.identity}` `` {one.told.removeprefix('src/trading_bot/')} ``\n  {why}")
    return f"\n## Survivors of {each.name}\n\n" + "\n".join(lines) + "\n"
