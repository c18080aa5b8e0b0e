"""The shipped source as syntax trees, for tests that read code instead of running it."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.support.command_line import SOURCE

PACKAGE = SOURCE / "trading_bot"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One module: its path below the package, and its tree."""

    path: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: many rules look at the same one."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def imported_modules(self) -> frozenset[str]:
        """Every module this file names in an import, at whatever depth it stands."""
        named: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                named.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module)
                named.update(f"{node.module}.{alias.name}" for alias in node.names)
        return frozenset(named)

    @cached_property
    def called_names(self) -> tuple[str, ...]:
        """The dotted name of each call, as written."""
        return tuple(_as_written(node.func) for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def read_names(self) -> frozenset[str]:
        """Each plain or dotted name that is used, as written."""
        return frozenset(_as_written(node) for node in self.nodes if isinstance(node, ast.Name | ast.Attribute))


def _as_written(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_as_written(node.value)}.{node.attr}"
    return ast.unparse(node)


def parse_source(text: str, path: str = "sample.py") -> SourceFile:
    """Parse one module's text."""
    return SourceFile(path=path, tree=ast.parse(text, path))


def source_files(root: Path = PACKAGE) -> list[SourceFile]:
    """Parse every module that ships."""
    return [
        parse_source(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
        for path in sorted(root.rglob("*.py"))
    ]
