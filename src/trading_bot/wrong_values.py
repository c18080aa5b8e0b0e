"""What pydantic objects to, said in the words of the person who wrote the value."""

from pydantic_core import ErrorDetails

_LONGEST_NAME = 120
_MUST = {
    "string_type": "must be text in quotes",
    "string_unicode": "must be text without half characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "decimal_type": "must be a number such as 250.30",
    "decimal_parsing": "must be a number such as 250.30",
    "is_instance_of": "must be a number such as 250.30",
    "finite_number": "must be a finite number",
    "decimal_max_digits": "has too many digits",
    "decimal_max_places": "has too many decimal places",
    "decimal_whole_digits": "has too many digits",
    "datetime_type": "must be a time such as 2026-11-20T09:30:00-05:00",
    "datetime_parsing": "must be a time such as 2026-11-20T09:30:00-05:00",
    "datetime_from_date_parsing": "must be a time such as 2026-11-20T09:30:00-05:00",
    "timezone_aware": "has no time zone; write one, as in 2026-11-20T09:30:00-05:00",
    "model_type": "must be one object in braces",
    "dict_type": "must be one object in braces",
    "json_invalid": "is not valid JSON",
    "extra_forbidden": "is not known here",
    "union_tag_invalid": "is nothing that can be asked",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "is written in a way that is not known here",
}
_WITH_FACTS = {
    "greater_than": ("must be more than ", "gt"),
    "greater_than_equal": ("must be at least ", "ge"),
    "less_than": ("must be less than ", "lt"),
    "less_than_equal": ("must be at most ", "le"),
    "string_too_long": ("must not be longer, in characters, than ", "max_length"),
    "literal_error": ("must be ", "expected"),
    "enum": ("must be ", "expected"),
    "value_error": ("", "error"),
}


def named(text: str) -> str:
    """Return a name that somebody else chose, or a text with such names, as an error may show it: short plain ASCII."""
    plain = ascii(text)[1:-1]
    return plain if len(plain) <= _LONGEST_NAME else plain[:_LONGEST_NAME] + "..."


def in_words(problem: ErrorDetails, *, if_null: str = "leave it out or give a value") -> str:
    """Return what is wrong with one value, to be written after its name; ``if_null`` is the remedy for a null."""
    kind, facts = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if problem.get("input") is None:
        return f"is null; {if_null}"
    if kind in _WITH_FACTS:
        words, name = _WITH_FACTS[kind]
        return f"{words}{facts[name]}"
    return _MUST.get(kind) or problem["msg"].replace("Input should", "must")
