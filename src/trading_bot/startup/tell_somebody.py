"""Builds what tells somebody elsewhere of a running bot: messages to a phone and a heartbeat.

Each is made when the bot starts, and only where an address is set, because the library takes long to load.
"""

from functools import partial

from trading_bot.bot import TradingBot
from trading_bot.config import Config, ConfigError
from trading_bot.logging.masking import SecretMasker
from trading_bot.notify.heartbeat import Heartbeat
from trading_bot.notify.lane import Lane, Service
from trading_bot.notify.messenger import Day, Messenger
from trading_bot.notify.outbox import Outbox, QuietHours, text_of
from trading_bot.notify.wording import summary_words
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.prose import clause


def notify_services(config: Config) -> tuple[Service, ...]:
    """Return the services that messages go to; none where no address is set.

    Raises:
        ConfigError: an address cannot be used, or what sends messages is not installed.
    """
    urls = config.secret_urls().notify
    if not urls:
        return ()
    try:
        from trading_bot.notify.apprise_services import apprise_services
    except ModuleNotFoundError as error:
        raise ConfigError(
            ["messages need a package that is not installed; run: pip install 'trading-bot[notify]'."]
        ) from error
    return apprise_services(urls)


def messenger_of(bot: TradingBot) -> Messenger | None:
    """Return what sends messages; None where no address is set.

    Raises:
        ConfigError: as `notify_services`.
    """
    config, settings = bot.config, bot.config.notify
    services = notify_services(config)
    if not services:
        return None
    zone = config.trading.hours.timezone
    quiet = None
    if settings.quiet_from is not None and settings.quiet_to is not None:
        quiet = QuietHours(begin=settings.quiet_from, end=settings.quiet_to, zone=zone)
    words = partial(text_of, label=account_label(config), zone=zone)
    outboxes = (
        Outbox(clock=bot.clock, limit=settings.queue_limit, max_per_minute=settings.max_per_minute, quiet=quiet)
        for _ in services
    )
    return Messenger(
        [Lane(service, outbox, text_of=words) for service, outbox in zip(services, outboxes, strict=True)],
        events=bot.events,
        rules=settings.rules,
        mask=message_masker(config).mask_text,
        clock=bot.clock,
        day=Day(close_after=config.trading.market_hours.close_after, words=lambda: day_words(bot)),
    )


def account_label(config: Config) -> str:
    """Return what a message is headed with: mode, the account's name, and live the end of the account number."""
    suffix = "" if config.trading.mode is ExecutionMode.PAPER else f" ...{config.account_suffix}"
    name = "" if config.account_name is None else f" {config.account_name}"
    return f"{config.trading.mode.value.upper()}{name}{suffix}"


def message_masker(config: Config) -> SecretMasker:
    """Return what takes out of every message the account number, the login and the addresses.

    Raises:
        ConfigError: a secret in the environment cannot be used.
    """
    login, urls = config.known_credentials(), config.secret_urls()
    secrets = (
        *(config.account_number, login.username, login.password, login.mfa_secret),
        *(urls.heartbeat, *urls.notify),
    )
    return SecretMasker(secrets=[secret.get_secret_value() for secret in secrets if secret is not None])


def day_words(bot: TradingBot) -> str | None:
    """Return what is to be said of the day so far; None while the bot is not running."""
    if not bot.is_running:
        return None
    try:
        summary = bot.account_summary()
    except OrderError as error:
        return f"the account could not be read for the summary of the day: {clause(str(error))}"
    return summary_words(summary, trades=bot.risk_state().trades_today, open_orders=len(bot.open_orders()))


def heartbeat_of(bot: TradingBot) -> Heartbeat | None:
    """Return what says elsewhere that the bot is well; None where no address is set.

    Raises:
        ConfigError: the address cannot be used.
    """
    url = bot.config.secret_urls().heartbeat
    if url is None:
        return None
    from trading_bot.notify.heartbeat_request import beat_to

    return Heartbeat(beat_to(url), unwell=lambda: unwell(bot), interval_s=bot.config.heartbeat.interval_s)


def unwell(bot: TradingBot) -> str | None:
    """Return why the bot does not do what it is there for, or None: it follows orders and plans, and takes entries."""
    if not bot.is_running:
        return "the bot is not running"
    if not bot.protection.is_followed and bot.protections():
        return "nothing watches the prices of the protection plans; restart the bot"
    return bot.manager.halted_because or bot.manager.view.orders_stale_because()
