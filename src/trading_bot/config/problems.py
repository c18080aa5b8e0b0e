"""What is wrong with a configuration, one sentence a problem."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from trading_bot.wrong_values import in_words, named

KeyPath: TypeAlias = tuple[str, ...]

_SHOWN_CHARACTERS = 40
_BOUNDS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}
_CREDENTIAL_WORDS = ("username", "password", "mfa", "token")
_SECRET_ADDRESSES = {"notify": "TRADING_BOT_NOTIFY_URLS", "heartbeat": "TRADING_BOT_HEARTBEAT_URL"}
"""The variable that has the addresses of a section."""


class ConfigError(Exception):
    """The configuration cannot be used. ``problems`` has one sentence for each fault, with its remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


def fields_of(model: type[BaseModel], *, above: KeyPath = ()) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Yield every setting of ``model`` that is not itself a section, with its key path."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from fields_of(info.annotation, above=(*above, name))
        else:
            yield (*above, name), info


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one most resembles, if any does."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def problems_in(
    error: ValidationError, *, model: type[BaseModel], remedy: Callable[[KeyPath], str] | None = None
) -> tuple[str, ...]:
    """Turn pydantic's findings into sentences. ``remedy`` says where a key's value can be corrected."""
    correct = remedy or _correct_it
    return tuple(_sentence(finding, model, correct) for finding in error.errors(include_url=False))


def shown(value: object) -> str:
    """Return a value as an error may show it: as JSON has it, short, and without control or look-alike characters."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = ascii(value) if isinstance(value, str) else ascii(str(value))[1:-1]
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _correct_it(_: KeyPath) -> str:
    return "correct it"


def _sentence(finding: ErrorDetails, model: type[BaseModel], remedy: Callable[[KeyPath], str]) -> str:
    path = tuple(str(part) for part in finding["loc"])
    if finding["type"] == "extra_forbidden":
        return _unknown_key(path, model)
    key = named(".".join(path)) or "the configuration"
    is_unsaid = _is_secret(path, model) or _spans_fields(finding) or _is_plain_null(finding)
    value = "" if is_unsaid else f" is {shown(finding['input'])} but"
    return f"{key}{value} {_problem(finding)}; {remedy(path)}."


def _problem(finding: ErrorDetails) -> str:
    context: Mapping[str, object] = finding.get("ctx", {})
    if finding["type"] == "value_error":
        return str(context["error"])
    if finding["type"] in _BOUNDS:
        name, words = _BOUNDS[finding["type"]]
        return f"{words} {context[name]}"
    if finding["type"] in ("model_type", "dict_type", "mapping_type"):
        return "must be a section in braces"
    return in_words(finding)


def _is_plain_null(finding: ErrorDetails) -> bool:
    return finding["input"] is None and finding["type"] != "value_error"


def _spans_fields(finding: ErrorDetails) -> bool:
    return isinstance(finding["input"], Mapping | BaseModel)


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    key = named(".".join(path))
    if any(word in path[-1].lower() for word in _CREDENTIAL_WORDS):
        return f"{key} must not be here; set ROBINHOOD_USERNAME, _PASSWORD and _MFA_SECRET in the environment."
    if path[0] in _SECRET_ADDRESSES and "url" in path[-1].lower():
        variable = _SECRET_ADDRESSES[path[0]]
        return f"{key} must not be here, because it is a secret; set {variable} in the environment or in .env."
    guess = suggestion(path[-1], _names_beside(path, model))
    return f"{key} is not a setting; " + (f"did you mean {guess}?" if guess else "remove it.")


def _names_beside(path: KeyPath, model: type[BaseModel]) -> list[str]:
    node: object = model
    for part in path[:-1]:
        node = _below(node, part)
    return list(node.model_fields) if isinstance(node, type) and issubclass(node, BaseModel) else []


def _below(node: object, part: str) -> object:
    if isinstance(node, type) and issubclass(node, BaseModel):
        return node.model_fields[part].annotation if part in node.model_fields else None
    return get_args(node)[-1] if get_args(node) else None


def _is_secret(path: KeyPath, model: type[BaseModel]) -> bool:
    return any(known == path and _holds_secret(info.annotation) for known, info in fields_of(model))


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_holds_secret, get_args(annotation)))
