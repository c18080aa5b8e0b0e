"""What the files of one journal of 0.1 are called."""

import re
from pathlib import Path

from trading_bot.files import FileSystem


class V1Names:
    """The names of the files beside one live file."""

    def __init__(self, *, journal: Path) -> None:
        self.journal = journal
        name, stem, end = (re.escape(part) for part in (journal.name, journal.stem, journal.suffix))
        self._continued = re.compile(rf"{name}\.continued-([1-9]\d{{0,17}})", re.ASCII)
        self._finished = re.compile(rf"{stem}\.\d{{4}}-\d{{2}}-\d{{2}}\.([1-9]\d{{0,8}}){end}", re.ASCII)
        self._kept = re.compile(rf"{name}\.(taken-in|torn)-\d+|{stem}\.index", re.ASCII)

    def finished(self, files: FileSystem) -> dict[Path, int]:
        """Return the finished segments in the folder with their numbers.

        Raises:
            OSError: the folder cannot be read.
        """
        return _numbered(self.journal, self._finished, files)

    def continuations(self, files: FileSystem) -> tuple[Path, ...]:
        """Return the continuations in the order of their records; raises as `finished`."""
        found = _numbered(self.journal, self._continued, files)
        return tuple(sorted(found, key=lambda path: found[path]))

    def beside(self, files: FileSystem) -> tuple[Path, ...]:
        """Return every file of this journal beside the live one; raises as `finished`."""
        forms = (self._finished, self._continued, self._kept)
        names = files.names(self.journal.parent)
        return tuple(self.journal.with_name(name) for name in names if any(form.fullmatch(name) for form in forms))


def _numbered(journal: Path, form: re.Pattern[str], files: FileSystem) -> dict[Path, int]:
    found = ((name, form.fullmatch(name)) for name in files.names(journal.parent))
    return {journal.with_name(name): int(match[1]) for name, match in found if match is not None}
