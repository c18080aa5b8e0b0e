"""List what an application installs: as a CycloneDX document for programs, and with licences for people.

    make sbom     writes dist/sbom.cdx.json and docs/licences.md

Names and versions are those of `requirements.lock`; licences and dependencies are what the installed libraries say of
themselves, so it runs in an environment that has them all. The same lock gives the same bytes: no time and no chance.
"""

import json
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.locked import EXTRAS, REPOSITORY, Pin, locked

SBOM = REPOSITORY / "dist" / "sbom.cdx.json"
LICENCES = REPOSITORY / "docs" / "licences.md"
OURS = "trading-bot"
APPLICATION = Requirement(f"{OURS}[{','.join(EXTRAS)}]")

ACCEPTED = frozenset(
    {
        "Apache-2.0",
        "Apache-2.0 AND BSD-2-Clause",
        "Apache-2.0 OR BSD-2-Clause",
        "Apache-2.0 OR BSD-3-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-3.0-only",
        "MIT",
        "MIT OR Apache-2.0",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
    }
)
"""The licences that somebody has looked at. Another one stops the list until it is looked at, too."""

_CLASSIFIERS = {"License :: OSI Approved :: MIT License": "MIT"}
_BY_HAND = {"python-dateutil": "BSD-3-Clause"}
"""Where the metadata says only that there are two: by its licence text, this one covers all of the code."""

_REMARKS = {
    "LGPL-3.0-only": "installed unchanged beside the bot, and only for a journal in PostgreSQL (extra `postgres`)",
    "MPL-2.0": "a file of root certificates, installed unchanged",
}
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 4122, appendix C: names that are addresses

_PAGE = """# Licences

The bot's own licence is [MIT](../LICENSE). `requirements.lock` installs {count} libraries besides, each under the
licence that it names. `make sbom` writes this page, and `dist/sbom.cdx.json`, the same list as CycloneDX JSON. A test
fails if the page is out of date.

| library | version | licence | |
|---|---|---|---|
{rows}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One library: what is installed, under which licence, and which of the others it needs."""

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]

    @property
    def address(self) -> str:
        """The package URL, which is the part's name in the document."""
        return f"pkg:pypi/{canonicalize_name(self.name)}@{self.version}"


def licence_of(name: str, said: Mapping[str, Sequence[str]]) -> str:
    """Return the SPDX expression of a library, from the fields of its metadata.

    Raises:
        ValueError: the metadata names no licence that somebody has accepted.
    """
    classified = [_CLASSIFIERS.get(word, "") for word in said.get("Classifier", ())]
    words = [_BY_HAND.get(name, ""), *said.get("License-Expression", ()), *said.get("License", ()), *classified]
    for word in words:
        if word in ACCEPTED:
            return word
    raise ValueError(
        f"{name} names no licence that was looked at ({', '.join(filter(None, words)) or 'none'}); read its licence, "
        "and add it to ACCEPTED or to _BY_HAND in release/bill_of_materials.py"
    )


def needs_of(roots: Iterable[Requirement]) -> dict[str, set[str]]:
    """Follow what the installed libraries ask for; return each one that is reached, and which others it needs."""
    left, seen, needs = list(roots), set[tuple[str, frozenset[str]]](), dict[str, set[str]]()
    while left:
        wanted = left.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        following = _required(name, extras)
        needs.setdefault(name, set()).update(canonicalize_name(each.name) for each in following)
        left += following
    return needs


def _required(name: str, extras: Iterable[str]) -> list[Requirement]:
    wanted = [Requirement(line) for line in distribution(name).requires or ()]
    return [
        each
        for each in wanted
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def parts_of(pins: Iterable[Pin]) -> tuple[Part, ...]:
    """Read what the installed libraries say of themselves.

    Raises:
        ValueError: a library is installed in another version than the locked one, or names no accepted licence.
    """
    needs = needs_of([APPLICATION])
    return tuple(_part(pin, needs.get(pin.name, set())) for pin in pins)


def _part(pin: Pin, needs: Iterable[str]) -> Part:
    installed = distribution(pin.name)
    if installed.version != pin.version:
        raise ValueError(f"{pin.name} {installed.version} is installed and {pin.version} is locked; run make lock")
    said = {field: installed.metadata.get_all(field) or [] for field in ("License-Expression", "License", "Classifier")}
    licence = licence_of(pin.name, said)
    return Part(name=pin.name, version=pin.version, licence=licence, needs=tuple(sorted(needs)))


def document(parts: Iterable[Part]) -> Mapping[str, Any]:
    """Return the CycloneDX 1.6 document."""
    parts = tuple(parts)
    addresses = {part.name: part.address for part in parts}
    own = f"pkg:pypi/{OURS}@{version(OURS)}"
    direct = {canonicalize_name(each.name) for each in _required(OURS, EXTRAS)}
    arrows = {own: direct, **{part.address: part.needs for part in parts}}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, ' '.join([own, *addresses.values()]))}",
        "version": 1,
        "metadata": {"component": {**_component(OURS, version(OURS), "MIT"), "type": "application"}},
        "components": [_component(part.name, part.version, part.licence) for part in parts],
        "dependencies": [
            {"ref": one, "dependsOn": sorted(addresses[name] for name in others)} for one, others in arrows.items()
        ],
    }


def _component(name: str, number: str, licence: str) -> dict[str, Any]:
    address = f"pkg:pypi/{name}@{number}"
    kind = {"type": "library", "bom-ref": address, "name": name, "version": number, "purl": address}
    return {**kind, "licenses": [{"expression": licence}]}


def page(parts: Iterable[Part]) -> str:
    """Return docs/licences.md."""
    parts = tuple(parts)
    rows = (f"| {each.name} | {each.version} | {each.licence} | {_REMARKS.get(each.licence, '')} |" for each in parts)
    return _PAGE.format(count=len(parts), rows="\n".join(rows))


def main(sbom: Path = SBOM, licences: Path = LICENCES) -> int:
    """Write both; return the exit code."""
    parts = parts_of(locked())
    sbom.parent.mkdir(exist_ok=True)
    sbom.write_text(json.dumps(document(parts), indent=1) + "\n", encoding="utf-8")
    licences.write_text(page(parts), encoding="utf-8")
    print(f"wrote {sbom} and {licences}: {len(parts)} libraries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
