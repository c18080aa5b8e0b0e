"""Public names of a package that load on first use (PEP 562): importing the package then costs and touches nothing."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence


def late_names(
    package: str, home_of: Mapping[str, str], public: Sequence[str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package; ``home_of`` names each name's module."""

    def load(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"{package} has no public name {name!r}; see {package}.__all__")
        value: object = getattr(importlib.import_module(home_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(public)
