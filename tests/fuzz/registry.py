"""The doors by name."""

from collections.abc import Mapping

from tests.fuzz.doors.agent_wire import AgentWire
from tests.fuzz.doors.caller_orders import KINDS, CallerOrders
from tests.fuzz.doors.config_files import ConfigFile, EnvFile, Environment
from tests.fuzz.doors.control_frames import ControlAnswers, ControlRequests
from tests.fuzz.doors.journal_files import AuditLines, Database, OldJournal, Records, SideFiles
from tests.fuzz.doors.login_answers import LoginAnswers
from tests.fuzz.doors.private_wire import PrivateWire
from tests.fuzz.doors.quote_file import QuoteFile
from tests.fuzz.doors.saved_logins import SavedLogins
from tests.fuzz.doors.signal_text import SignalText
from tests.fuzz.targets import Target

_ODD_TEXTS = ("NaN", "sNaN", "Infinity", "-1", "0", "10", "100.1", "1E+1000000", "1E-1000000", "AAPL", "1/3", "1_000")
_ODD_VALUES = tuple(f'{{"$":"{kind}","v":"{text}"}}'.encode() for kind in KINDS for text in _ODD_TEXTS)

# What costs a microsecond gets more inputs than what costs milliseconds.
_ALL = (
    Target(name="config", open=ConfigFile, share=1),
    Target(name="environment", open=Environment, share=3),
    Target(name="dotenv", open=EnvFile, share=3),
    Target(name="signals", open=SignalText, share=10),
    Target(name="quotes", open=QuoteFile, share=12),
    Target(name="orders", open=CallerOrders, words=_ODD_VALUES, share=12),
    Target(name="requests", open=ControlRequests, share=16),
    Target(name="answers", open=ControlAnswers, share=16),
    Target(name="private", open=PrivateWire, share=10),
    Target(name="agent", open=AgentWire, share=8),
    Target(name="logins", open=SavedLogins, share=16),
    Target(name="login-answers", open=LoginAnswers, share=4),
    Target(name="records", open=Records, share=3),
    Target(name="side", open=SideFiles, share=3),
    Target(name="v1", open=OldJournal, share=4),
    Target(name="audit", open=AuditLines, share=1),
    Target(name="database", open=Database, share=1),
)

TARGETS: Mapping[str, Target] = {target.name: target for target in _ALL}
