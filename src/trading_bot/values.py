"""The base of the values of which many are made for each order: immutable, compared by what they hold.

An order makes about eighty values, and Python sets each field of a frozen dataclass by a call. That was a quarter of
an order's time. `Value` is a struct of msgspec: made, copied, compared and hashed in C, at a tenth of that. Not even
``object.__setattr__`` changes one. Each class says ``frozen=True, kw_only=True``, because mypy reads it there.

A caller need not know: ``replace``, ``asdict`` and ``fields`` of `dataclasses` take a `Value` as well.
``docs/decisions/2026-11-28-values-of-an-order-are-structs.md`` has the alternatives.
"""

import dataclasses
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from msgspec.structs import force_setattr

if TYPE_CHECKING:
    # Checks the name and type of each change, which msgspec's own signature does not.
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ["Value", "replace", "settle"]

settle = force_setattr
"""Sets a field from within ``__post_init__``: ``settle(self, "symbol", symbol)``. Nobody else may."""


class _DataclassFields:
    """Makes the description that the functions of `dataclasses` look for, for the few classes where somebody asks."""

    def __init__(self) -> None:
        self._made: dict[type, dict[str, dataclasses.Field[Any]]] = {}

    def __get__(self, _: object, owner: type["Value"]) -> dict[str, dataclasses.Field[Any]]:
        made = self._made.get(owner)
        if made is None:
            like = dataclasses.make_dataclass(owner.__name__, map(_described, signature(owner).parameters.values()))
            made = self._made[owner] = {each.name: each for each in dataclasses.fields(like)}
        return made


def _described(field: Parameter) -> tuple[str, Any, Any]:
    if field.default is Parameter.empty:
        return field.name, field.annotation, dataclasses.field(kw_only=True)
    return field.name, field.annotation, dataclasses.field(kw_only=True, default_factory=lambda: field.default)


class Value(Struct, frozen=True):
    """An immutable value; ``__post_init__`` checks it, also when `replace` makes it.

    Raises:
        AttributeError: a field is assigned or deleted.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    else:
        __dataclass_fields__ = _DataclassFields()
