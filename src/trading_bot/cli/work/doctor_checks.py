"""Gathers the facts that `checkup` classifies: from the interpreter, settings, file system, holder and broker."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trading_bot import checkup
from trading_bot.audit.proof import prove
from trading_bot.checkup import Check, FolderFacts, Trouble
from trading_bot.cli.account_place import AccountPlace, place_of
from trading_bot.cli.error_codes import known_errors
from trading_bot.cli.render.settings_text import mode_words
from trading_bot.cli.work.doctor_agent import agent_access
from trading_bot.cli.work.doctor_outside import outside_checks
from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config, ConfigError
from trading_bot.config.values import exchange_zone
from trading_bot.control.client import HolderAbsentError, HolderSilentError, send_to_holder
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.operations import Ping
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.exceptions import AuthenticationError, OrderError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead
from trading_bot.order_management.journal.port import JournalReader
from trading_bot.order_management.journal.v1.on_record import V1Reader
from trading_bot.order_management.models import ExecutionMode
from trading_bot.risk.exchange_day import exchange_day
from trading_bot.risk.results import results_of
from trading_bot.startup.account_latch import trades_by_agent
from trading_bot.startup.agent_login import open_agent_door
from trading_bot.startup.journal_on_record import JournalOnRecord
from trading_bot.startup.login import LiveDoor, open_live_door, try_paper_login
from trading_bot.startup.paper import check_quotes

PACKAGES = (
    *("robin-stocks", "requests", "urllib3", "pydantic", "python-dotenv", "json5", "structlog", "click"),
    *("rich", "filelock", "holidays", "certifi", "tzdata"),
)
_PING_S: Seconds = 2.0
_PROBE = ".doctor-probe"


def examine(config_file: Path | None, clock: Clock, *, account: str | None = None) -> tuple[Check, ...]:
    """Make every check, in the order in which failures follow from one another."""
    machine = (
        checkup.python_check(sys.version_info[:3]),
        checkup.packages_check({name: _version_of(name) for name in PACKAGES}),
        checkup.time_zone_check(_zone_problem()),
    )
    try:
        config = Config.from_env_and_json(config_file, account=account)
        place = place_of(config)
        check_quotes(config)
    except ConfigError as error:
        wrong = checkup.failed("config", error, Trouble.CONFIGURATION)
        return (*machine, wrong, checkup.skipped("account", because="the settings have to be right first"))
    good = checkup.passed("config", f"{mode_words(config)}, {config.file or 'no config file, defaults'}")
    return (*machine, good, *_storage(config, place, clock), *_trading(config, place, clock), *outside_checks(config))


def _zone_problem() -> str | None:
    try:
        exchange_zone()
    except ConfigError as error:
        return str(error)
    return None


def _storage(config: Config, place: AccountPlace, clock: Clock) -> Iterator[Check]:
    files = LocalFiles()
    logs = folder_facts(config.logs_dir, files)
    yield checkup.folder_check("state folder", folder_facts(place.state.root, files), private=True)
    yield checkup.folder_check("logs folder", logs, private=False)
    yield checkup.disk_check(logs)
    try:
        stored = place.on_record()
        old = place.old_journal() if stored is None else None
    except OrderLogError as error:
        yield checkup.failed("journal", error, Trouble.STORAGE)
        return
    yield from _old_journal(place, old, clock) if stored is None else _journal(stored, clock)


def _journal(stored: JournalOnRecord, clock: Clock) -> Iterator[Check]:
    try:
        proof = prove(stored.rows, stored.log)
    except OrderLogError as error:
        yield checkup.failed("journal", error, Trouble.STORAGE)
        return
    yield checkup.journal_check(records=proof.database.seq, problem=proof.problem, path=stored.name)
    yield checkup.clock_check(now=clock.now(), last_record=proof.last_at)
    if proof.ok:
        yield checkup.log_check(proof.notes, path=str(stored.log))
        yield from _what_stands(stored.reader, clock)


def _what_stands(reader: JournalReader, clock: Clock) -> Iterator[Check]:
    try:
        book = OrderBook.replayed(reader.read_standing())
    except OrderLogError as error:
        yield checkup.failed("results", error, Trouble.STORAGE)
        return
    yield from checkup.freeze_checks(book.freezes(now=clock.now()))
    yield _results_of(book)


def _old_journal(place: AccountPlace, old: V1Reader | None, clock: Clock) -> Iterator[Check]:
    """Look at a journal of version 0.1 that is no database yet, or say that there is none."""
    head, last_at = ChainHead.genesis(), None
    try:
        if old is not None:
            head = old.verify()
            last_at = old.page(after=head.seq - 1, limit=1)[0].record.ts
    except OrderLogError as error:
        yield checkup.failed("journal", error, Trouble.STORAGE)
        return
    yield checkup.journal_check(records=head.seq, problem=None, path=str(place.journal))
    yield checkup.clock_check(now=clock.now(), last_record=last_at)
    yield from _what_stands(old, clock) if old is not None else checkup.freeze_checks(())


def _results_of(book: OrderBook) -> Check:
    held = results_of(book.orders(), book.acceptances()).holdings
    unknown = (symbol for symbol, holding in held.items() if holding.unknown)
    return checkup.results_check(unknown_cost=unknown, unlisted_orders=len(book.unbacked()))


def _trading(config: Config, place: AccountPlace, clock: Clock) -> Iterator[Check]:
    now = clock.now()
    trading = config.trading
    yield checkup.calendar_check(trading.market_hours, calendar=trading.effective_calendar, now=now)
    if trades_by_agent(config):
        yield from agent_access(lambda: open_agent_door(config))
    elif place.mode is ExecutionMode.LIVE:
        yield from live_access(lambda: open_live_door(config, username=config.known_credentials().username))
    with place.latch() as latch:
        starts_armed = _is_new_paper(place) and not place.state.root.exists()
        yield checkup.latch_check(latch.state(), latch.reason_not_armed(), first_start_arms=starts_armed)
        if place.mode is ExecutionMode.LIVE:
            yield checkup.expiry_check(latch.armed_until(), is_armed=latch.is_armed(), now=now)
    yield checkup.breaker_check(place.breaker().standing(exchange_day(now)).halted_because)
    yield _holder(place, clock)
    if place.mode is ExecutionMode.PAPER:
        yield _paper_login(config, place)


def live_access(open_door: Callable[[], LiveDoor]) -> Iterator[Check]:
    """Say whether somebody is logged in to the live account, whether it can be read, and what time it is there."""
    try:
        door = open_door()
        door.resume()
    except (OrderError, ConfigError) as error:
        yield checkup.failed("session", error, Trouble.LOGIN)
        yield checkup.skipped("account", because="it takes a session")
        yield checkup.skipped("broker clock", because="it takes a session")
        return
    yield checkup.passed("session", "a login is saved")
    is_read = True
    try:
        yield checkup.account_check(door.read_account())
    except OrderError as error:
        is_read, needs_login = False, error.code == AuthenticationError.code
        yield checkup.failed("account", error, Trouble.LOGIN if needs_login else Trouble.BROKER)
    yield checkup.broker_clock_check(door.clock_is_off_by())
    if is_read:
        yield _understood(door)


def _understood(door: LiveDoor) -> Check:
    try:
        return checkup.understood_check(door.not_understood())
    except OrderError as error:
        return checkup.failed("broker's data", error, Trouble.BROKER)


def _holder(place: AccountPlace, clock: Clock) -> Check:
    try:
        answer = send_to_holder(place.state.control_socket, Ping(), clock=clock, timeout_s=_PING_S)
    except HolderAbsentError:
        return checkup.holder_check(None, silent_because=None)
    except (HolderSilentError, OrderError) as error:
        return checkup.holder_check(None, silent_because=str(error))
    pid = answer["pid"]
    return checkup.holder_check(pid if isinstance(pid, int) else None, silent_because=None)


def _paper_login(config: Config, place: AccountPlace) -> Check:
    if _is_new_paper(place):
        return checkup.skipped("login", because="the paper account is opened by its first start")
    paper_failures: tuple[type[Exception], ...] = (*known_errors(), OSError)
    try:
        account = try_paper_login(config)
    except OrderError as error:
        return checkup.failed("login", error, Trouble.LOGIN)
    except paper_failures as error:  # the paper exchange's own files
        return checkup.failed("login", error, Trouble.STORAGE)
    return checkup.passed("login", f"account ...{account.account_suffix} can be read")


def _is_new_paper(place: AccountPlace) -> bool:
    return place.mode is ExecutionMode.PAPER and not place.state.paper_exchange.exists()


def folder_facts(path: Path, files: FileSystem) -> FolderFacts:
    """Read what the file system says of a folder, and try to write there; a folder that is not there is not made."""
    there = next((each for each in (path, *path.parents) if each.exists()), path)
    try:
        status, free = there.stat(), shutil.disk_usage(there).free
        problem = _write_problem(path, files) if there == path else _make_problem(there)
    except OSError as error:
        return FolderFacts(path=str(path), exists=False, mode=0, is_ours=False, problem=error.strerror, free_bytes=None)
    return FolderFacts(
        path=str(path),
        exists=there == path,
        mode=stat.S_IMODE(status.st_mode) if there == path else 0,
        is_ours=status.st_uid == os.geteuid() if hasattr(os, "geteuid") else True,
        problem=problem,
        free_bytes=free,
    )


def _write_problem(path: Path, files: FileSystem) -> str | None:
    probe = path / _PROBE
    try:
        probe.unlink(missing_ok=True)
        files.write_new(probe, b"")
    except OSError as error:
        return f"cannot be written ({error.strerror})"
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return None


def _make_problem(above: Path) -> str | None:
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return None
    return f"cannot be made below {above}"


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
