"""The progress bar of a replay whose lines go elsewhere."""

import io
from datetime import timedelta
from zoneinfo import ZoneInfo

from rich.console import Console

from tests.cli.work.run.test_replay_results import RESULT, summary
from tests.cli.work.run.test_session import NotingView
from tests.support.fake_bot import OPEN, envelope
from trading_bot.cli.render.replay_progress import WithProgress

SUMMARY = summary()


def test_the_bar_moves_with_the_replayed_time_and_the_view_hears_everything():
    view, screen = NotingView(), io.StringIO()
    span = (OPEN, OPEN + timedelta(hours=2))
    bar = WithProgress(
        view, screen=Console(file=screen, force_terminal=True, width=100), zone=ZoneInfo("UTC"), span=span
    )
    assert bar.listener is view.listener
    with bar.showing():
        bar.took(RESULT, OPEN)
        bar.changed(envelope(), OPEN)
        bar.looked((), OPEN + timedelta(hours=1))
    bar.finished(SUMMARY)
    assert "50%" in screen.getvalue()
    assert next(told for told, _ in view.told) == "invalid"
    assert view.summaries == [SUMMARY]
