"""Puts a kill's progress and its verdicts into words on the terminal."""

import json
from collections.abc import Callable

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.kill_text import kill_json, kill_lines, progress_text
from trading_bot.cli.work.kill.signals import KillSignals
from trading_bot.cli.work.kill.terminal import KillTerminal
from trading_bot.kill.progress import KillProgress
from trading_bot.kill.report import KillReport


class KillReporter:
    """Writes the progress to stderr, for people, and the verdicts to stdout."""

    def __init__(self, invocation: Invocation, terminal: KillTerminal) -> None:
        self._terminal = terminal
        self._as_json = invocation.json
        self._is_silent = invocation.json or invocation.quiet
        self._has_reported_signal = False

    def progress(self, progress: KillProgress) -> None:
        """Say where the kill is."""
        self._say(progress_text(progress))

    def interrupted(self, signals: KillSignals) -> None:
        """Say once that a signal was received, and what still happens before the end."""
        if signals.received is not None and not self._has_reported_signal:
            self._has_reported_signal = True
            self._say(f"{signals.received.name}: trading is off; this ends with the cancels on record and a verdict")

    def first_verdict(self, report: KillReport) -> None:
        """Write the verdict that was due, and say that the kill goes on."""
        self.verdict(report)
        self._say("not confirmed yet: this goes on until it is, or until you interrupt it")

    def verdict(self, report: KillReport) -> None:
        """Write a verdict."""
        if self._as_json:
            self._terminal.answer_json(json.dumps(kill_json(report), ensure_ascii=True))
            return
        for line in kill_lines(report):
            self._terminal.answer(line)

    def close(self, is_interrupted: Callable[[], bool]) -> None:
        """Wait until everything is written, or has failed, or is interrupted."""
        self._terminal.close(is_interrupted)

    def _say(self, text: str) -> None:
        if not self._is_silent:
            self._terminal.say(f"trading-bot: {text}")
