"""A throw-away run empties its own folder and no other; a place that cannot be one is named with a remedy."""

import pytest

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.work.run.own_folder import emptied


def test_a_file_in_the_folders_place_is_left_alone(tmp_path):
    file = tmp_path / "replay"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(CommandError, match="is not a folder of the replay; move it away") as error, emptied(file):
        pass
    assert error.value.exit_code is ExitCode.USAGE
    assert file.read_text(encoding="utf-8") == "mine"


def test_logs_that_cannot_be_kept_are_told_of_with_the_setting(tmp_path):
    (tmp_path / "logs").touch()
    folder = tmp_path / "logs" / "replay"
    with pytest.raises(CommandError, match=r"cannot be made \(.*\); set logs_dir") as error, emptied(folder):
        pass
    assert error.value.exit_code is ExitCode.JOURNAL
