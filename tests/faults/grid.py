"""The faults and the steps they strike: what each cell calls for, and which cells can lose money.

N not done, provably; D refused for good; U unknown; E once for everybody; O the order is real; K keep what is known;
R try again within bounds; X no reply at all; H halt; W written down; - does not apply. ``$`` marks the cells where a
wrong answer can lose money.
"""

from collections.abc import Mapping

STEPS = ("LOG", "SUB", "STA", "CAN", "ALL", "REP", "SYN", "REC", "AUD")
OURS = ("SUB", "CAN", "ALL", "REP", "SYN", "REC")
"""The steps of the order layer, whose cells are struck together."""

_ROWS = """
F01 DNS failure                                   R   N   R   N$  R$  N$  K   H$  W
F02 connect refused                               R   N   R   N$  R$  N$  K   H$  W
F03 connect timeout                               R   N   R   N$  R$  N$  K   H$  W
F04 TLS failure                                   H   N   H   N$  R$  N$  H   H$  W
F05 reset before send                             R   N$  R   N$  R$  N$  K   H$  W
F06 reset after send                              R$  U$  R   U$  R$  U$  K   H$  W
F07 read timeout, order accepted                  R$  U$  R   U$  R$  U$  K   H$  W
F08 read timeout, order not accepted              R$  U$  R   U$  R$  U$  K   H$  W
F09 slow drip                                     R$  U$  R   U$  R$  U$  K   H$  W
F10 redirect to another host                      H$  U$  H   N$  R$  U$  K$  H$  W
F11 400                                           D$  D$  K   U$  R$  U$  H   H$  W
F12 401                                           D$  N   R   R$  R$  R$  R   H$  W
F13 403                                           D$  D   K   N$  H$  U$  H   H$  W
F14 404                                           H   D   K$  U$  R$  U$  H   H$  W
F15 409                                           H   U$  K   U$  R$  U$  H   H$  W
F16 422                                           D$  D$  K   U$  R$  U$  H   H$  W
F17 429 with Retry-After                          R$  N   R   R$  R$  R$  K   H   W
F18 429 without or with an absurd Retry-After     R$  N   R   R$  R$  R$  K   H   W
F19 500                                           R   U$  R   U$  R$  U$  K$  H   W
F20 502                                           R   U$  R   U$  R$  U$  K$  H   W
F21 503                                           R   U$  R   U$  R$  U$  K$  H   W
F22 504                                           R   U$  R   U$  R$  U$  K$  H   W
F23 malformed JSON                                X   U$  K$  U$  R$  U$  K$  H$  W
F24 HTML body                                     X   U$  K$  U$  R$  U$  K$  H$  W
F25 empty body                                    X   U$  K$  U$  R$  U$  K$  H$  W
F26 truncated body                                X   U$  K$  U$  R$  U$  K$  H$  W
F27 wrong types                                   X   U$  K$  U$  R$  U$  K$  H$  W
F28 missing fields                                X   U$  K$  U$  R$  U$  K$  H$  W
F29 unknown state                                 X   O$  O$  O$  O$  O$  O$  H$  W
F30 negative or NaN numbers                       X   O$  K$  O$  O$  O$  K$  H$  W
F31 huge numbers                                  X   O$  K$  O$  O$  O$  K$  H$  W
F32 duplicate page entries                        -   -   K$  -   E   -   E$  H$  W
F33 page loop                                     -   -   -   -   R$  -   K$  H$  W
F34 order vanishing                               -   U$  K$  U$  R$  U$  U$  U$  W$
F35 state going backwards                         -   K   K$  O$  O$  O$  K$  K$  W$
F36 fill during cancel                            -   O$  O$  O$  O$  O$  O$  O$  W$
F37 partial fill then cancel                      -   O$  O$  O$  O$  O$  O$  O$  W$
F38 clock jumps                                   K   K$  K   K   K   K   K$  K$  W
F39 kill -9 at each boundary                      N   U$  K   U$  R$  U$  K   E$  E$
F40 power loss, torn last line                    N   U$  K   U$  H$  U$  K   E$  E$
F41 disk full                                     K   H$  H$  R$  R$  H$  H$  H$  H$
F42 read-only log directory                       H   H$  H$  R$  R$  H$  H$  H$  H$
F43 log rotated underneath                        -   H$  H   R$  R$  H$  H   H$  H$
F44 log truncated underneath                      -   H$  H   R$  R$  H$  H   H$  H$
F45 second process on the account                 H$  H$  K   H$  H$  H$  O$  H$  H$
F46 thread races                                  E$  E$  K$  E$  E$  E$  K$  H   E$
F47 SIGTERM mid-order                             N   U$  K   U$  R$  U$  K   H   E$
F48 SIGINT mid-order                              N   U$  K   U$  R$  U$  K   H   E$
F49 fork                                          H   H$  H   H   H$  H   H   H   H$
F50 laptop sleep                                  R   U$  R   R$  R$  U$  K$  H   E
"""


def _cells() -> Mapping[str, str]:
    rows = [line.split() for line in _ROWS.strip().splitlines()]
    return {
        f"{step}-{row[0]}": word
        for row in rows
        for step, word in zip(STEPS, row[-len(STEPS) :], strict=True)
        if word != "-"
    }


CELLS: Mapping[str, str] = _cells()
"""Every applicable cell by its id, such as ``SUB-F07``."""


def calls_for(cell: str) -> str:
    """Return the letter of a cell."""
    return CELLS[cell].rstrip("$")
