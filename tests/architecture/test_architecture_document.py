"""docs/architecture.md shows the code as it is."""

import importlib.util
import re
from types import ModuleType

import pytest

from tests.support.command_line import REPOSITORY
from tests.support.source_tree import PACKAGE

DOCUMENT = REPOSITORY / "docs" / "architecture.md"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_architecture", REPOSITORY / "docs" / "draw_architecture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()
TEXT = DOCUMENT.read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^\| (.+\?) \| (.+) \|$", TEXT, re.MULTILINE)


def test_the_drawings_are_those_of_the_code():
    """Otherwise draw them again: python docs/draw_architecture.py"""
    assert SCRIPT.drawn(TEXT) == TEXT


def test_an_old_drawing_is_found():
    assert SCRIPT.drawn(TEXT.replace("cli --> startup", "startup --> cli")) == TEXT


def test_a_document_without_a_place_for_a_drawing_is_refused():
    with pytest.raises(ValueError, match="no place for the drawing 'states'"):
        SCRIPT.drawn(TEXT.replace("<!-- states: end -->", ""))


def test_the_rooms_import_in_no_circle():
    arrows = SCRIPT.imports_between_rooms()
    for one, other in arrows:
        assert one not in SCRIPT._reachable(other, list(arrows))


def test_only_an_arrow_that_others_make_up_for_is_left_out():
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")]
    assert SCRIPT.without_detours(edges) == [("a", "b"), ("a", "d"), ("b", "c")]


def test_every_folder_of_the_package_is_a_room_of_its_own():
    """A new folder gets a title in the script, or it would vanish in the ground."""
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"order_management", "demo"}
    assert folders <= set(SCRIPT.TITLES)


def test_at_least_ten_questions_are_answered():
    assert len(QUESTIONS) >= 10


@pytest.mark.parametrize(("question", "answer"), QUESTIONS, ids=[question for question, _ in QUESTIONS])
def test_a_question_is_answered_by_files_that_exist(question: str, answer: str):
    named = re.findall(r"`([\w/]+\.py)`", answer)
    assert named, question
    assert [path for path in named if not (PACKAGE / path).is_file()] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_a_link_leads_somewhere(path: str):
    assert (DOCUMENT.parent / path).exists()


@pytest.mark.parametrize("path", re.findall(r"participant \w as (\S+\.py)", TEXT))
def test_who_takes_part_in_a_submit_is_a_file(path: str):
    assert any((root / path).is_file() for root in (PACKAGE, PACKAGE / "order_management"))


@pytest.mark.parametrize("message", ["execute_trade", "record_intent", "find_by_client_order_id", "submit_limit_buy"])
def test_the_messages_of_a_submit_are_methods(message: str):
    assert f": {message}" in TEXT
    declared = re.compile(rf"^    def {message}\(", re.MULTILINE)
    assert any(declared.search(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
