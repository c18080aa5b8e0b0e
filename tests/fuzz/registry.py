"""The doors by name."""

from collections.abc import Mapping

from tests.fuzz.doors.agent_wire import AgentWire
from tests.fuzz.doors.config_files import ConfigFile, EnvFile, Environment
from tests.fuzz.doors.control_frames import ControlAnswers, ControlRequests
from tests.fuzz.doors.private_wire import PrivateWire
from tests.fuzz.doors.signal_text import SignalText
from tests.fuzz.targets import Target

_ALL = (
    Target(name="config", open=ConfigFile, share=1),
    Target(name="environment", open=Environment, share=2),
    Target(name="dotenv", open=EnvFile, share=2),
    Target(name="signals", open=SignalText, share=8),
    Target(name="requests", open=ControlRequests, share=8),
    Target(name="answers", open=ControlAnswers, share=8),
    Target(name="private", open=PrivateWire, share=12),
    Target(name="agent", open=AgentWire, share=12),
)

TARGETS: Mapping[str, Target] = {target.name: target for target in _ALL}
