"""The mutants of one source file: the changes of mutmut's operators, and those of our own.

Not changed, because no test could or should notice: annotations, decorators and keywords of classes, imports,
documentation, text for people (a string with a space in it, with the values that it shows), and what only serves the
type checker.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

from tests.mutation.mutant import Mutant, one_line

_FOR_TYPES = frozenset({"cast", "NewType", "TypeVar", "isinstance", "len", "get_logger"})
_NOT_CHANGED = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.TypeAlias)
_NAMES_OF_LISTS = frozenset({"__all__", "__slots__", "__match_args__"})


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Return every mutant of a file, in the order of its lines."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = _Visitor(wrapper.module, path)
    wrapper.visit(visitor)
    return visitor.found


def _is_prose(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.SimpleString):
        return " " in node.value or node.quote not in {'"', "'"}
    if isinstance(node, cst.FormattedString):
        return any(isinstance(part, cst.FormattedStringText) and " " in part.value for part in node.parts)
    return isinstance(node, cst.ConcatenatedString)


def _turned_round(node: Any) -> Iterator[cst.CSTNode]:
    """Turn a condition round where no other operator changes it."""
    if not isinstance(node.test, cst.Comparison | cst.BooleanOperation | cst.UnaryOperation):
        test = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        yield node.with_changes(test=cst.UnaryOperation(operator=cst.Not(), expression=test))


def _dropped(node: Any) -> Iterator[cst.CSTNode]:
    """Drop a call that is a statement of its own, or a refusal."""
    if not (isinstance(node, cst.Expr) and not isinstance(node.value, cst.Call)):
        yield cst.Pass()


_OURS: list[tuple[type, Callable[[Any], Iterable[cst.CSTNode]]]] = [
    (cst.If, _turned_round),
    (cst.While, _turned_round),
    (cst.Expr, _dropped),
    (cst.Raise, _dropped),
]


@dataclass
class _Visitor(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    module: cst.Module
    path: str
    found: list[Mutant] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)
    _statements: list[cst.CSTNode] = field(default_factory=list)
    _keywords: set[cst.CSTNode] = field(default_factory=set)
    _seen: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._is_left_alone(node):
            return False
        if isinstance(node, cst.ClassDef):
            self._keywords.update(node.keywords)
        if isinstance(node, cst.BaseSmallStatement):
            self._statements.append(node)
        for kind, operator in (*mutation_operators, *_OURS):
            if isinstance(node, kind):
                for changed in operator(node):
                    self._add(node, changed)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._statements and self._statements[-1] is original_node:
            self._statements.pop()
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef) and self._names:
            self._names.pop()

    def _is_left_alone(self, node: cst.CSTNode) -> bool:
        if isinstance(node, _NOT_CHANGED) or node in self._keywords or _is_prose(node):
            return True
        if isinstance(node, cst.Call):
            called = node.func.value if isinstance(node.func, cst.Name) else None
            return called in _FOR_TYPES
        if isinstance(node, cst.If):
            return isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING"
        if isinstance(node, cst.Assign):
            target = node.targets[0].target
            return isinstance(target, cst.Name) and target.value in _NAMES_OF_LISTS
        return isinstance(node, cst.Expr) and isinstance(node.value, cst.BaseString)

    def _add(self, node: cst.CSTNode, changed: cst.CSTNode) -> None:
        if isinstance(node, cst.Call) and isinstance(changed, cst.Call) and _touches_prose(node, changed):
            return
        before, after = (one_line(self.module.code_for_node(each)) for each in (node, changed))
        function = ".".join(self._names)
        where = (function, before, after)
        self._seen[where] = self._seen.get(where, 0) + 1
        place = self.get_metadata(PositionProvider, self._statements[-1] if self._statements else node)
        self.found.append(
            Mutant(
                path=self.path,
                function=function,
                before=before,
                after=after,
                nth=self._seen[where],
                lines=(place.start.line, place.end.line),
                make=lambda: self._source(node, changed),
            )
        )

    def _source(self, node: cst.CSTNode, changed: cst.CSTNode) -> str:
        mutated = self.module.deep_replace(node, changed)
        if not isinstance(mutated, cst.Module):
            raise TypeError(f"{self.path} is no module once {self.module.code_for_node(node)} is changed")
        code: str = mutated.code
        return code


def _touches_prose(node: cst.Call, changed: cst.Call) -> bool:
    kept = {id(argument.value) for argument in changed.args}
    return any(_is_prose(argument.value) and id(argument.value) not in kept for argument in node.args)
