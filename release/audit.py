"""Look up every locked version among the known vulnerabilities, and say so plainly where nothing could be looked up.

    make audit

pip-audit asks the package index. Where an index has no such data (a mirror, a machine without a network), it skips the
package, prints "No known vulnerabilities found" and ends with 0. So one version is asked for besides, of which
vulnerabilities have been known for years. If none of it comes back, there was no data, and that is what is said.

The exit code is 0 if every version was looked up and none is known to be vulnerable, 1 if one is, and 3 if there was
no data for all or for some. `make` itself ends with 2 for each of the last two and prints the code.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.locked import BUILD_LOCK, LOCK, Pin, locked

CANARY = Pin(name="jinja2", version="2.4.1", marker="", hashes=())
"""Nobody installs it here. Several advisories have named it since 2014."""

CLEAN, VULNERABLE, NO_DATA = 0, 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the index said: advisories by package, and the packages of which it said nothing."""

    advisories: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    has_data: bool

    @property
    def exit_code(self) -> int:
        """The code that the module's first lines describe."""
        if self.advisories:
            return VULNERABLE
        return CLEAN if self.has_data and not self.unknown else NO_DATA


def findings_of(answer: str, asked: Iterable[Pin]) -> Findings:
    """Read what pip-audit printed. What is no JSON, as after a failed connection, says nothing of anything."""
    try:
        rows: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        rows = []
    told = {row["name"]: row["vulns"] for row in rows if "vulns" in row}
    has_data = bool(told.pop(CANARY.name, ()))
    advisories = {name: tuple(_in_words(each) for each in vulns) for name, vulns in sorted(told.items()) if vulns}
    names = sorted(pin.name for pin in asked if pin.name != CANARY.name)
    unknown = tuple(name for name in names if not has_data or name not in told)
    return Findings(
        advisories=advisories, unknown=tuple(name for name in unknown if name not in advisories), has_data=has_data
    )


def _in_words(vulnerability: Mapping[str, Any]) -> str:
    versions = ", ".join(vulnerability.get("fix_versions") or ()) or "no version yet"
    return f"{vulnerability['id']} (fixed in {versions})"


def told(findings: Findings, count: int) -> str:
    """Say what came of it, in lines for a person."""
    lines = [f"VULNERABLE: {name}: {', '.join(known)}" for name, known in findings.advisories.items()]
    if not findings.has_data:
        lines.append(
            f"NO DATA: the package index named no vulnerability of {CANARY.name} {CANARY.version}, which has had some "
            f"since 2014. So nothing is known of these {count} packages either. Run make audit where the index of the "
            "Python project can be reached."
        )
    elif findings.unknown:
        lines.append(f"NO DATA for {len(findings.unknown)} of {count} packages: {', '.join(findings.unknown)}")
    if not lines:
        lines.append(f"clean: {count} locked packages were looked up, and no vulnerability of any of them is known")
    return "\n".join(lines)


def ask_pip_audit(asked: Iterable[Pin]) -> str:
    """Let pip-audit look the versions up; return what it printed, which is nothing where it could not ask."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in asked), encoding="utf-8")
        how = ["--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off", "--timeout=20"]
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(wanted), *how]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if not done.stdout:
        sys.stderr.write(done.stderr)
    return done.stdout


def main(ask: Callable[[Iterable[Pin]], str] = ask_pip_audit) -> int:
    """Audit both locks; return the exit code."""
    pins = tuple({pin.name: pin for pin in (*locked(LOCK), *locked(BUILD_LOCK))}.values())
    findings = findings_of(ask((*pins, CANARY)), pins)
    print(told(findings, len(pins)))
    return findings.exit_code


if __name__ == "__main__":
    sys.exit(main())
