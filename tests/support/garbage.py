"""When garbage is looked for while many lives are simulated."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def garbage_left_alone() -> Iterator[None]:
    """Let none be looked for inside: that costs a tenth of a simulated life, and frees next to nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
