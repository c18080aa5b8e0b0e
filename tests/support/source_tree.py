"""The shipped source as syntax trees, for tests that read code instead of running it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.command_line import SOURCE

PACKAGE = SOURCE / "trading_bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One module: its path below the package, and its tree."""

    path: str
    tree: ast.Module

    def imported_modules(self) -> set[str]:
        """Every module this file names in an import, at whatever depth it stands."""
        named: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                named.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module)
                named.update(f"{node.module}.{alias.name}" for alias in node.names)
        return named

    def called_names(self) -> Iterator[str]:
        """Yield the dotted name of each call, as written."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func)

    def read_names(self) -> Iterator[str]:
        """Yield each plain or dotted name that is used, as written."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute):
                yield ast.unparse(node)


def parse_source(text: str, path: str = "sample.py") -> SourceFile:
    """Parse one module's text."""
    return SourceFile(path=path, tree=ast.parse(text, path))


def source_files(root: Path = PACKAGE) -> list[SourceFile]:
    """Parse every module that ships."""
    return [
        parse_source(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
        for path in sorted(root.rglob("*.py"))
    ]
