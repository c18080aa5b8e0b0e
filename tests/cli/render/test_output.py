"""What commands write, to a program and to a person."""

import json

from trading_bot.cli.render.output import print_json, print_line

HOSTILE = "\x1b[2J\u202eevil\nline"


def test_an_object_is_one_line_of_ascii(capsys):
    print_json({"v": 1, "text": HOSTILE})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert "\x1b" not in out
    assert json.loads(out)["text"] == HOSTILE


def test_a_line_gives_the_terminal_no_command(capsys):
    print_line(HOSTILE)
    assert capsys.readouterr().out == "[2J evil line\n"
