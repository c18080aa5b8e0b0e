"""Makes the report of a period: reads the sources, and shows the figures as text, JSON or a page."""

from collections.abc import Callable
from datetime import date, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

import click

from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.lazy import load
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.work.run.demo import demo_config
from trading_bot.cli.work.run.own_folder import kept_in
from trading_bot.clock import Clock, SystemClock
from trading_bot.config import Config
from trading_bot.files import LocalFiles
from trading_bot.market_hours import exchange_midnight
from trading_bot.order_management.journal.port import JournalReader
from trading_bot.report.as_json import figures_json
from trading_bot.report.figures import Figures, figures_of
from trading_bot.report.sections import headline, period_in_words, sections
from trading_bot.startup.report_sources import report_sources

PageMaker: TypeAlias = Callable[..., str]
"""Makes the page of figures; it needs plotly, so that it is loaded when a page is asked for."""

_PAGE = "trading_bot.report.page:page_of"
_DEMO_MARK = ".trading-bot-demo"
"""What the demo leaves in its folder."""


def report(
    invocation: Invocation, *, since: date | None, html: Path | None, quotes: Path | None, folder: Path | None
) -> None:
    """Show the figures of the configured account, or of the account that a demo or replay left in ``folder``."""
    begin = _begin_of(since, SystemClock())
    make_page = _page_maker() if html is not None else None
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    send_logs_to_stderr(invocation, config)
    with as_file(files("trading_bot.demo")) as bundled:
        if folder is not None:
            is_demo = (folder / _DEMO_MARK).is_file()
            config = demo_config(bundled, folder) if is_demo else kept_in(folder, config)
        figures = _figures(config, quotes=quotes, since=begin)
    zone = config.trading.hours.timezone
    if html is not None and make_page is not None:
        _write(html, make_page(figures, zone=zone))
    if invocation.json:
        print_json({"v": 1, **figures_json(figures), "page": None if html is None else str(html)})
    elif html is not None:
        print_line(f"wrote {html}")
    else:
        _show(figures, zone=zone, invocation=invocation)


def _show(figures: Figures, *, zone: ZoneInfo, invocation: Invocation) -> None:
    print_line(period_in_words(figures.period, zone=zone))
    print_table(("Figure", "Amount"), headline(figures), invocation=invocation)
    for section in sections(figures, zone=zone):
        click.echo()
        print_line(section.title)
        for note in section.notes:
            print_line(note)
        if section.rows:
            print_table(section.headings, section.rows, invocation=invocation)


def _begin_of(since: date | None, clock: Clock) -> datetime | None:
    if since is None:
        return None
    begin = exchange_midnight(since)
    if begin > clock.now():
        raise click.UsageError(f"--since {since} has not come yet; name an earlier day")
    return begin


def _page_maker() -> PageMaker:
    try:
        maker: PageMaker = load(_PAGE)
    except ModuleNotFoundError as error:
        raise CommandError(
            f"--html draws with plotly ({error}); run: pip install 'trading-bot[report]'",
            exit_code=ExitCode.CONFIGURATION,
            code="extra_missing",
        ) from error
    return maker


def _figures(config: Config, *, quotes: Path | None, since: datetime | None) -> Figures:
    place = place_of(config)
    on_record = place.on_record()
    reader: JournalReader | None = on_record.reader if on_record is not None else place.old_journal()
    if reader is None:
        raise CommandError(
            f"there is no journal yet: {place.state.database} comes with the first trade; 'trading-bot demo' makes one "
            "to look at, with --folder",
            exit_code=ExitCode.USAGE,
        )
    is_paper = config.trading.mode == "paper"
    recorded = quotes or (config.paper.quotes_file if is_paper else None)
    sources = report_sources(config, reader, quotes_file=recorded, since=since, clock=SystemClock())
    return figures_of(sources, since=since)


def _write(file: Path, page: str) -> None:
    try:
        LocalFiles().replace(file, page.encode())
    except OSError as error:
        raise CommandError(
            f"the page cannot be written to {file} ({error.strerror or error}); name a file in a folder that you can "
            "write to",
            exit_code=ExitCode.USAGE,
        ) from error
