"""An audit that had no data is no clean one."""

import json

import pytest

from release.audit import CANARY, CLEAN, NO_DATA, VULNERABLE, findings_of, main, told
from release.locked import BUILD_LOCK, Pin, locked

ASKED = tuple(Pin(name=name, version="1.0", marker="", hashes=()) for name in ("click", "requests"))
KNOWN = {"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}
HEARD = {"name": CANARY.name, "version": CANARY.version, "vulns": [{"id": "PYSEC-2014-8", "fix_versions": []}]}


def _row(name, *vulns):
    return {"name": name, "version": "1.0", "vulns": list(vulns)}


def _answer(*rows):
    return json.dumps({"dependencies": rows, "fixes": []})


def _skipped(name):
    return {"name": name, "skip_reason": "Dependency not found on PyPI and could not be audited"}


def test_it_is_clean_if_everything_was_looked_up_and_the_known_bad_version_was_found():
    findings = findings_of(_answer(_row("click"), _row("requests"), HEARD), ASKED)
    assert findings.exit_code == CLEAN == 0
    assert told(findings, 2).startswith("clean: 2 locked packages")


def test_a_known_vulnerability_is_named_with_the_version_that_has_none():
    findings = findings_of(_answer(_row("click", KNOWN), _row("requests"), HEARD), ASKED)
    assert findings.exit_code == VULNERABLE == 1
    assert told(findings, 2) == "VULNERABLE: click: PYSEC-2026-1 (fixed in 1.1, 2.0)"


@pytest.mark.parametrize(
    "answer",
    [
        "",  # the connection failed
        "<html>sign in</html>",
        "[]",
        _answer(),
        _answer(*map(_skipped, ("click", "requests", CANARY.name))),  # a mirror without the data
        _answer(_row("click"), _row("requests"), _row(CANARY.name)),  # an index whose answer has no such field
        _answer(_row("click"), _row("requests"), _skipped(CANARY.name)),
    ],
)
def test_an_index_that_does_not_know_the_known_bad_version_has_no_data(answer: str):
    findings = findings_of(answer, ASKED)
    assert findings.exit_code == NO_DATA == 3
    assert findings.unknown == ("click", "requests")
    assert "NO DATA" in told(findings, 2)
    assert "clean" not in told(findings, 2)


def test_a_package_that_was_not_looked_up_is_named():
    findings = findings_of(_answer(_row("click"), _skipped("requests"), HEARD), ASKED)
    assert findings.exit_code == NO_DATA
    assert told(findings, 2) == "NO DATA for 1 of 2 packages: requests"


def test_a_known_vulnerability_counts_also_where_the_rest_had_no_data():
    findings = findings_of(_answer(_row("click", KNOWN), _skipped("requests")), ASKED)
    assert findings.exit_code == VULNERABLE
    assert [line.partition(":")[0] for line in told(findings, 2).splitlines()] == ["VULNERABLE", "NO DATA"]


def test_every_locked_version_is_asked_for_and_the_known_bad_one_besides(capsys):
    asked: list[Pin] = []

    def without_a_network(pins):
        asked.extend(pins)
        return ""

    assert main(ask=without_a_network) == NO_DATA
    assert CANARY in asked
    assert {pin.name for pin in (*locked(), *locked(BUILD_LOCK))} | {CANARY.name} == {pin.name for pin in asked}
    assert f"these {len(asked) - 1} packages" in capsys.readouterr().out
