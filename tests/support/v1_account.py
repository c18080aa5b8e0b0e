"""A folder of version 0.1 as that of this test's paper account: the stored ones belong to an account that is none."""

import hashlib
import json
import shutil
from pathlib import Path

from tests.support.v1_folder import RELEASE, STORED
from trading_bot.files import LocalFiles
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.account_number import PAPER_ACCOUNT
from trading_bot.state_folder import StateFolder, account_key

KEY = account_key(ExecutionMode.PAPER, PAPER_ACCOUNT)
IDENTITY = JournalIdentity(mode=ExecutionMode.PAPER, account_key=KEY, account_suffix=PAPER_ACCOUNT[-4:])
_STORED_KEY, _STORED_SUFFIX = b"0123456789abcdef", b'"account_suffix":"4321"'
_FILES = ("orders.2026-11-25.1.jsonl", "orders.2026-11-27.2.jsonl", "orders.jsonl", "orders.jsonl.continued-61")


def v1_account(home: Path, name: str = RELEASE) -> StateFolder:
    """Put the folder's logs and state below ``home``, as the paper account's own, armed and with its journal noted."""
    root = home / "state" / f"paper-{KEY}"
    shutil.copytree(STORED / name / "state", root, copy_function=shutil.copyfile)
    (home / "logs").mkdir()
    hashes: dict[bytes, bytes] = {}
    for file in _FILES:
        if (stored := STORED / name / "logs" / file).exists():
            lines = stored.read_bytes().splitlines(keepends=True)
            (home / "logs" / file).write_bytes(b"".join(_ours(line, hashes) for line in lines))
    anchor = root / "anchor.json"
    head = json.loads(anchor.read_text())
    anchor.write_text(json.dumps({**head, "hash": hashes[head["hash"].encode()].decode()}))
    for path in (home / "logs", home / "state", *(home / "logs").rglob("*"), *(home / "state").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    state = StateFolder(root=root, files=LocalFiles())
    state.remember_journal(home / "logs" / "orders.jsonl")
    return state


def expected(name: str = RELEASE) -> dict[str, object]:
    """What version 0.1 knew of the account."""
    known: dict[str, object] = json.loads((STORED / name / "expected.json").read_text())["book"]
    return known


def _ours(line: bytes, hashes: dict[bytes, bytes]) -> bytes:
    if not line.endswith(b"\n"):
        return line  # a torn end
    body, _, rest = line.rpartition(b',"hash":"')
    body = body.replace(_STORED_KEY, KEY.encode())
    body = body.replace(_STORED_SUFFIX, f'"account_suffix":"{PAPER_ACCOUNT[-4:]}"'.encode())
    for name in (b'"prev":"', b'"previous_hash":"'):
        before, found, after = body.rpartition(name)
        if found:
            body = before + name + hashes.get(after[:64], after[:64]) + after[64:]
    digest = hashlib.sha256(body + b"}").hexdigest().encode()
    hashes[rest[:64]] = digest
    return body + b',"hash":"' + digest + b'"}\n'
