#!/usr/bin/env bash
# pip-audit 2.10.1: an index that has no data about vulnerabilities makes every audit a clean one.
#
# One would guess that an audit which could look nothing up fails, or says that it knows nothing. But where the package
# index answers 404 for a version, as a mirror without that part of the interface does, the package is skipped; and
# where the answer has no field `vulnerabilities`, there are taken to be none. Either way it prints "No known
# vulnerabilities found" and ends with 0, also for versions that have had advisories for ten years. `--strict` helps
# against the first and not against the second. So a build behind a mirror is green for ever.
#
# What to do: audit one version besides of which vulnerabilities are known for certain. If it comes back clean, there
# was no data, and the audit has failed. `make audit` does so.
#
# Seen with CPython 3.11.7 on Linux 6.18, for jinja2 2.4.1:
#
#   an index with the data:             exit code 1, Found 1 known vulnerability in 1 package
#   an index that answers 404:          exit code 0, No known vulnerabilities found
#   an index without the field:         exit code 0, No known vulnerabilities found
#   without the field, with --strict:   exit code 0, No known vulnerabilities found
#
# No index is asked: the answers are put in below pip-audit's own session.
# Exits 0 while this is so, 1 once it is not. PYTHON names the interpreter (default python3).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
echo 'jinja2==2.4.1' >"$folder/wanted.txt"
cat >"$folder/try.py" <<'PYTHON'
import contextlib
import io
import json
import sys

import pip_audit._cli
import pip_audit._service.pypi
import requests

KNOWN = {"id": "PYSEC-2014-8", "aliases": [], "details": "it was known in 2014", "fixed_in": ["2.7.2"]}


class Index(requests.adapters.BaseAdapter):
    def __init__(self, status, answer):
        super().__init__()
        self.status, self.answer = status, answer

    def send(self, request, **options):
        response = requests.Response()
        response.status_code, response.request, response.url = self.status, request, request.url
        response.raw = io.BytesIO(json.dumps(self.answer).encode())
        return response

    def close(self):
        pass


def audit(status, answer, *options):
    session = requests.Session()
    session.mount("https://", Index(status, answer))
    pip_audit._service.pypi.caching_session = lambda *_, **__: session
    sys.argv = ["pip-audit", "-r", sys.argv[-1], "--no-deps", "--disable-pip", "--progress-spinner=off", *options]
    told, code = io.StringIO(), 0
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            pip_audit._cli.audit()
        except SystemExit as ending:
            code = ending.code
    return f"exit code {code}, {told.getvalue().strip().splitlines()[-1]}"


wanted = sys.argv[1]
seen = {}
for name, status, answer, options in (
    ("an index with the data:", 200, {"vulnerabilities": [KNOWN]}, ()),
    ("an index that answers 404:", 404, {}, ()),
    ("an index without the field:", 200, {"info": {}}, ()),
    ("without the field, with --strict:", 200, {"info": {}}, ("--strict",)),
):
    sys.argv = ["", wanted]
    seen[name] = audit(status, answer, *options)
    print(f"{name:<36}{seen[name]}")
clean = "exit code 0, No known vulnerabilities found"
first, *others = seen.values()
sys.exit(not (first.startswith("exit code 1, Found 1 known vulnerability") and others == [clean] * 3))
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/try.py" "$folder/wanted.txt"
