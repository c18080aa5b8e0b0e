"""The machine's files for tests in which a process ends without closing them."""

import os
from pathlib import Path

from trading_bot.files import Descriptor, LocalFiles


class TidyFiles(LocalFiles):
    """Closes what was left open once nothing refers to it any more, as the system does for a process that ended."""

    def __init__(self) -> None:
        self._left_open: set[Descriptor] = set()

    def open_append(self, path: Path) -> Descriptor:
        descriptor = super().open_append(path)
        self._left_open.add(descriptor)
        return descriptor

    def create(self, path: Path, size: int) -> Descriptor:
        descriptor = super().create(path, size)
        self._left_open.add(descriptor)
        return descriptor

    def close(self, descriptor: Descriptor) -> None:
        self._left_open.discard(descriptor)
        super().close(descriptor)

    def __del__(self) -> None:
        for descriptor in self._left_open:
            os.close(descriptor)
