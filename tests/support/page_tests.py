"""The programs of a documentation page, as files that can be run."""

import re
from pathlib import Path

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def python_blocks(page: Path) -> list[str]:
    """Every block of Python on a page, in its order."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def written_out(page: Path, folder: Path) -> list[Path]:
    """Write each block to a test file of its own, and return the files."""
    files = [folder / f"test_{number}.py" for number, _ in enumerate(python_blocks(page), start=1)]
    for path, block in zip(files, python_blocks(page), strict=True):
        path.write_text(block, encoding="utf-8")
    return files
