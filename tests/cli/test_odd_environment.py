"""An environment that nobody asked for changes no order."""

import json

import pytest

from tests.support.command_line import run_cli

pytestmark = pytest.mark.subprocess

BUY = ["buy", "AAPL", "1", "--reference-price", "250", "--client-order-id", "odd", "--json"]


def test_an_order_is_the_same_in_an_odd_environment(tmp_path):
    """No assert is a safety check, no order hangs on the order of a set, and what a shell would run is not run."""
    home = tmp_path / "Käthe ☃"
    shared = tmp_path / "shared"
    home.mkdir(mode=0o700)
    shared.mkdir()
    shared.chmod(0o777)
    planted = tmp_path / "planted.py"
    planted.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    odd = {
        "PYTHONOPTIMIZE": "1",
        "PYTHONHASHSEED": "4711",
        "PYTHONSTARTUP": str(planted),
        "TZ": "Mars/Olympus",
        "LANG": "C",
        "LC_ALL": "C",
        "TMPDIR": str(shared),
    }
    done = run_cli(BUY, home=home, environment=odd)
    plain = run_cli(BUY, home=tmp_path)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr) == (0, "")
    told, usual = json.loads(done.stdout), json.loads(plain.stdout)
    assert _terms(told) == _terms(usual)
    assert not (tmp_path / "ran").exists()
    assert list(shared.iterdir()) == []


def _terms(told: dict[str, object]) -> dict[str, object]:
    order = told.get("order", told)
    assert isinstance(order, dict)
    return {name: order[name] for name in ("symbol", "side", "quantity", "limit_price", "ref_id")}
