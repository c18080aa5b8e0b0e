"""The scripted broker with mocks in place of what the bot calls; apart from `plugin`, as mocks take long to load."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from trading_bot.testing.broker import ScriptedBroker
from trading_bot.testing.calls import CALLS


@contextmanager
def mocked(broker: ScriptedBroker) -> Iterator[Any]:
    """Replace each call of the bot on ``broker`` by a mock, which does as before until it is told else; yield it.

    It is typed as anything: checkers would take ``mocked.submit`` for the method.
    """
    with ExitStack() as stack:
        for name in CALLS:
            stack.enter_context(mock.patch.object(broker, name, wraps=getattr(broker, name)))
        yield broker
