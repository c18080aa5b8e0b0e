"""A process dies at each step of a renewal of its login, whose refresh tokens work once: the next one is never stuck.

The steps are those of the note that a renewal is sent, of the request, of the reply, and of the new tokens' file.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.agent_account import NUMBER, AgentAccount
from tests.support.mortal import DiedError, Disk, Life, MortalFiles, MortalLine, effects_apart
from tests.support.tidy_files import TidyFiles
from trading_bot.agent.login.saved_login import LoginStore
from trading_bot.bot import StartError
from trading_bot.startup import create_bot
from trading_bot.startup.access import Destination, Reading
from trading_bot.startup.account_latch import account_latch
from trading_bot.startup.interfaces import interface_of
from trading_bot.state_folder import StateFolder

pytestmark = pytest.mark.no_cover  # a sweep: each line that it runs has a quick test of its own

HALF_A_LIFE_S = 774_924 / 2
APART = effects_apart(100)


@dataclass
class Rotation:
    """A login that is due for a renewal, and the process that renews it. ``refused`` if its access token works no more.

    ``ends_access`` says whether the server ends the old access token once it gave another.
    """

    folder: Path
    refused: bool
    ends_access: bool

    def __post_init__(self) -> None:
        self.account = AgentAccount(self.folder)
        self.account.around = replace(self.account.around, files=TidyFiles(), is_durable=False)
        self.account.log_in()
        account_latch(self.account.config, self.account.around, self.account.state).arm(by="ann")
        self.account.clock.sleep(HALF_A_LIFE_S)
        self.grants = self.account.server.grants
        self.grants.rotation_ends_access = self.ends_access
        if self.refused:
            self.grants.expire_access()
        self.life, self.disk = Life(), Disk()

    def die_at(self, effect: int | None) -> "Rotation":
        """Renew, and die at this effect of it, or at none."""
        self.life = Life(die_at=effect)
        files = MortalFiles(self.life, self.disk)
        to = Destination(
            config=self.account.config,
            around=replace(self.account.around, files=files),
            number=NUMBER,
            state=StateFolder(root=self.account.state.root, files=files),
            transport=MortalLine(self.life, self.account.transport),
        )
        way = interface_of(self.account.config).way(to)
        with suppress(DiedError):
            way.login.log_in()
            if self.refused:
                way.gateway(Reading()).fetch_account()
        return self

    def works(self) -> bool:
        """Whether what is on the disk is what the server accepts."""
        state = self.account.state
        saved = LoginStore(path=state.agent_session, account=state.root.name, files=self.account.around.files).load()
        assert saved is not None
        assert saved.refresh_token is not None
        bearer = {"authorization": f"Bearer {saved.access_token.get_secret_value()}"}
        return self.grants.bears(bearer) or saved.refresh_token.get_secret_value() == self.grants.refresh_token

    def started(self) -> str | None:
        """Start a bot as the next process does, and let it look; why it cannot, if so."""
        account, before = self.account, self.grants.refreshes
        bot = create_bot(
            account.config, transport=account.transport, surroundings=account.around, background_sync=False
        )
        try:
            bot.start()
        except StartError as error:
            return str(error)
        finally:
            assert self.grants.refreshes - before <= 1, "a start renews once"
        summary = bot.synchronize_open_orders()
        bot.stop()
        assert summary.complete
        return None


def deaths(names: Sequence[str], *, loses_power: bool) -> Iterator[int]:
    """Yield the effects to die at: each, or those before and after the note, and before and after the tokens' file.

    Where not each, the power is lost after the last only.
    """
    told = {len(names)} if loses_power else {1, names.index("send") + 1, names.index("receive") + 1, len(names)}
    return (effect for effect in range(1, len(names) + 1) if APART == 1 or effect in told)


@pytest.mark.parametrize("loses_power", [False, True], ids=["kill -9", "power loss"])
@pytest.mark.parametrize(
    ("refused", "ends_access"), [(False, False), (False, True), (True, True)], ids=["ahead", "exchanged", "refused"]
)
def test_a_start_after_a_death_in_a_renewal_works_or_asks_for_a_login(
    refused, ends_access, loses_power, tmp_path_factory
):
    def rotation() -> Rotation:
        return Rotation(tmp_path_factory.mktemp("rotation"), refused=refused, ends_access=ends_access)

    lasting = rotation().die_at(None)
    assert lasting.works()
    assert lasting.grants.refreshes == 1
    for effect in deaths(lasting.life.names, loses_power=loses_power):
        dead = rotation().die_at(effect)
        if loses_power:
            dead.disk.lose_power()
        worked = dead.works()
        assert worked or ("send" in dead.life.names and effect < len(lasting.life.names)), "only a lost reply costs it"
        problem = dead.started()
        assert (problem is None) is worked, f"{problem} after {dead.life.names}"
        assert problem is None or "`trading-bot login`" in problem
        before = dead.grants.refreshes
        assert dead.started() is None or not worked
        assert dead.grants.refreshes == before, "what is known to work, or to work no more, is not renewed again"
        if worked:  # and once the access token has ended, too
            dead.grants.expire_access()
            worked = dead.works()
            assert (dead.started() is None) is worked
        if not worked:
            dead.account.log_in()
            assert dead.started() is None, "a login ends all doubt"
