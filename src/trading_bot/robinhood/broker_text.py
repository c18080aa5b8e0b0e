"""Where the broker's words become ours: what they quote of the account, the person or the session is masked here.

A broker may echo anything in a refusal, a reason or a word for a state, and every such text goes on to the journal, the
audit log, logs, messages and JSON output. None of those asks again. So no text of a reply may pass by this module: free
text through `printable` of `wire`, single words through `MaybeWord` of `fields`. Ids and symbols are checked for their
form instead, because they have to stay what they are.
"""

import re
from collections.abc import Sequence

from trading_bot.logging.masking import MASK, SecretMasker

LONGEST_READ = 4096
"""What stands further back in a text is never shown, and so not searched either."""

_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_QUOTED = re.compile(
    rf"(?P<id>(?<![\w-]){_UUID}(?![\w-]))"  # order and instrument ids are no secrets
    r"|(?P<mail>[\w.+-]+%40[\w.-]+)"  # as forms and addresses have it
    r"|(?P<token>(?<![\w-])(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[\w-]{20,}(?![\w-]))"
    r"|(?P<number>(?<![0-9A-Za-z])(?=(?:[A-Za-z]*[0-9]){5})[0-9A-Za-z]+(?=[0-9A-Za-z]{4}(?![0-9A-Za-z])))"
)
_DIGIT = re.compile(r"\d")
"""Whatever `_QUOTED` hides holds one."""

_MASKER = SecretMasker()
_CUT_OFF = re.compile(r"[\w.+%@-]*\Z")


def masked(text: str, *, known: Sequence[str] = ()) -> str:
    """Hide account numbers but for their last four characters, mail addresses, tokens, and whatever is ``known``."""
    if not known and text.isalpha():
        return text  # most words of a row: no pattern here or of the masker's fits letters alone
    if len(text) > LONGEST_READ:
        text = _CUT_OFF.sub("", text[:LONGEST_READ])  # half a secret would look like none
    masker = SecretMasker(secrets=known) if known else _MASKER
    shown = masker.mask_text(text)
    return _QUOTED.sub(_hidden, shown) if _DIGIT.search(shown) else shown


def _hidden(quoted: re.Match[str]) -> str:
    match quoted.lastgroup:
        case "id":
            return quoted.group()
        case "number":
            return "*" * len(quoted.group())
        case _:
            return MASK
