"""``python -m tests.fuzz.guided DOOR [SECONDS]``: look for inputs by the branches that they reach, with atheris.

atheris is no dependency of the tests: ``pip install 'atheris>=3,<4'`` first, on Linux. It begins with the corpus of the
door and stops at the first input that breaks a promise, which libFuzzer writes to ``crash-...``. Its finds go into the
corpus by hand.
"""

import importlib
import shutil
import sys
import tempfile
from pathlib import Path


def main(door: str, seconds: str = "600") -> None:
    """Run until the time is over or a promise is broken; libFuzzer ends the process."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["trading_bot"]):
        registry = importlib.import_module("tests.fuzz.registry")
    run, targets = importlib.import_module("tests.fuzz.run"), importlib.import_module("tests.fuzz.targets")
    with tempfile.TemporaryDirectory() as folder, run.opened(registry.TARGETS[door]) as take:
        shutil.copytree(targets.CORPUS / door, Path(folder) / "corpus")
        options = [f"-max_total_time={seconds}", "-max_len=65536", "-rss_limit_mb=2048", "-timeout=20"]
        atheris.Setup(["guided", *options, str(Path(folder) / "corpus")], take)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
