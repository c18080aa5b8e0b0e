from collections.abc import Mapping
from typing import Any

def to_json(fig: Mapping[str, Any], *, validate: bool = ...) -> str: ...
