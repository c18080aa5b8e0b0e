"""Exchange the code of a function in a running process.

A function object keeps its identity, so whatever holds it (a class, a property, a table, a decorator) runs the new
code. What is decided while a module is imported is no function's code and cannot be exchanged.
"""

import gc
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType

Place = tuple[str, str, int]
"""File, qualified name and first line of a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Code of a function as it is, and as it is to be."""

    before: CodeType
    after: CodeType


class NotSwappableError(Exception):
    """The change takes place while the module is imported."""


def changes(before: CodeType, after: CodeType) -> list[Change]:
    """Return the functions in which two compiled modules differ; none if they run the same.

    Raises:
        NotSwappableError: The module's own statements differ, or those of a class, or what a function closes over.
    """
    if not _is_function(before) and _shape(before) != _shape(after):
        raise NotSwappableError(before.co_qualname)
    pairs = list(zip(_inner(before), _inner(after), strict=False))
    if not _is_function(before):
        return [found for pair in pairs for found in changes(*pair)]
    if _is_same(before, after):
        return []
    if before.co_freevars != after.co_freevars:
        raise NotSwappableError(before.co_qualname)
    nested = pairs if len(_inner(before)) == len(_inner(after)) else []
    return [Change(before=before, after=after), *(found for pair in nested for found in changes(*pair))]


def functions_by_place(files: Iterable[str]) -> Mapping[Place, list[FunctionType]]:
    """Return every function object of these files that the process has, by where it was defined."""
    wanted = frozenset(files)
    found: dict[Place, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename in wanted:
            found.setdefault(place_of(thing.__code__), []).append(thing)
    return found


def place_of(code: CodeType) -> Place:
    """Return where a function was defined."""
    return code.co_filename, code.co_qualname, code.co_firstlineno


def swap(functions: Mapping[Place, list[FunctionType]], wanted: Iterable[Change]) -> int:
    """Exchange the code of every function that has changed, and return how many objects that were."""
    count = 0
    for change in wanted:
        for function in functions.get(place_of(change.before), ()):
            function.__code__ = change.after
            count += 1
    return count


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def _inner(code: CodeType) -> list[CodeType]:
    return [each for each in code.co_consts if isinstance(each, CodeType)]


def _shape(code: CodeType) -> tuple[object, ...]:
    """Return what a code object does, without the lines it stands on."""
    # 1, 1.0 and True are equal, and so are constants that differ in nothing but their type.
    constants = tuple(repr(each) for each in code.co_consts if not isinstance(each, CodeType))
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_qualname)
    return (code.co_code, constants, names, code.co_flags, code.co_argcount, code.co_kwonlyargcount, len(_inner(code)))


def _walk(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in _inner(code):
        yield from _walk(inner)


def _is_same(before: CodeType, after: CodeType) -> bool:
    return [_shape(each) for each in _walk(before)] == [_shape(each) for each in _walk(after)]
