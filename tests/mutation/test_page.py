"""The page says what the figures say, and no survivor goes without a reason."""

from tests.mutation.figures import Figures, Reason, Survivor, kept_figures, reasons
from tests.mutation.page import PAGE, page_text
from tests.mutation.rooms import HERE, rooms


def _figures(*survivors: str, killed: int = 8) -> Figures:
    return Figures(
        name="submit",
        command="make mutate ROOM=submit",
        seed=1,
        count=killed + len(survivors),
        possible=100,
        same=0,
        killed=killed,
        timed_out=0,
        not_tried=0,
        survivors=tuple(Survivor(identity=each, told=f"{each} told", end="survived") for each in survivors),
        hours=0.1,
        date="2026-11-28",
    )


def _reason(*, equivalent: bool) -> Reason:
    return Reason(mutant="x", why="it is the same number", equivalent=equivalent)


def test_the_page_is_what_the_figures_and_reasons_make_of_it():
    """Otherwise write it again: python -m tests.mutation --page"""
    assert PAGE.read_text() == page_text(kept_figures(), reasons())


def test_every_survivor_on_record_has_a_reason():
    bare = {one.told for each in kept_figures() for one in each.survivors if one.identity not in reasons()}
    assert bare == set()


def test_every_reason_is_one_of_a_survivor():
    """A reason whose mutant is killed by now, or whose line is gone, says something that is not true."""
    survivors = {one.identity for each in kept_figures() for one in each.survivors}
    assert reasons().keys() - survivors == set()


def test_every_room_on_record_has_at_least_95_of_100_killed():
    low = {each.name: each.share(reasons()) for each in kept_figures() if each.share(reasons()) < 0.95}
    assert low == {}


def test_every_file_of_a_room_exists_and_every_room_has_some():
    for room in rooms().values():
        assert room.files
        assert [path for path in (*room.files, *room.tests, *room.left_out) if not (HERE / path).exists()] == []


def test_an_equivalent_mutant_is_left_out_of_the_share_and_an_accepted_one_is_not():
    figures = _figures("a", "b")
    assert figures.share({}) == 0.8
    assert figures.share({"a": _reason(equivalent=True)}) == 8 / 9
    assert figures.share({"a": _reason(equivalent=False)}) == 0.8


def test_a_survivor_without_a_reason_is_counted_and_shown():
    figures = _figures("a", "b")
    known = {"a": _reason(equivalent=True)}
    assert figures.unexplained(known) == 1
    page = page_text([figures], known)
    assert "equivalent: it is the same number" in page
    assert "no reason yet" in page
