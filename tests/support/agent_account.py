"""A live account over the agent interface: the stand-in of its server, and whoever sits at the browser."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

from tests.support.agent_server import AgentAdapter, AgentServer
from tests.support.loopback_browser import goes_to
from tests.support.paper_market import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.error_handling.retry import no_jitter
from trading_bot.startup.agent_login import AgentDoor, BrowserPerson, open_agent_door
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder, account_key

NUMBER = "512340008"


class AgentAccount:
    """Nobody is logged in, and it is not armed, until told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(MONDAY)
        self.server = AgentServer(self.clock)
        self.transport = AgentAdapter(self.server)
        self.settings: dict[str, object] = {
            "trading": {"mode": "live"},
            "gateway": "agent",
            "account_number": NUMBER,
            "logs_dir": str(folder / "logs"),
            "state_dir": str(folder / "state"),
        }
        ids = count(1)
        self.around = replace(default_surroundings(self.clock), new_id=lambda: f"{next(ids):032x}", jitter=no_jitter)

    @property
    def config(self) -> Config:
        return Config.model_validate(self.settings)

    @property
    def state(self) -> StateFolder:
        root = self.folder / "state" / f"live-{account_key(self.config.trading.mode, NUMBER)}"
        return StateFolder(root=root, files=self.around.files)

    def door(self, config: Config | None = None) -> AgentDoor:
        return open_agent_door(config or self.config, transport=self.transport, surroundings=self.around)

    def browser(self) -> Callable[[str], bool]:
        """A person's browser on this machine, which comes back from a login that is allowed."""

        def opens(address: str) -> bool:
            return goes_to(self.server.grants.browse(address)).status == 200

        return opens

    def log_in(self) -> None:
        """Log a person in, whose tokens are saved for every door and bot."""
        self.door().log_in(
            BrowserPerson(show=lambda _address: None, notify=lambda _message: None, open_browser=self.browser())
        )
