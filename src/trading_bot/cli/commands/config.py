"""``trading-bot config``: check the settings, or show the ones in force."""

import json

import click

from trading_bot.cli.invocation import Invocation, common_options, pass_invocation

_VERSION = 1


@click.group(short_help="Check or show the settings.")
def config() -> None:
    """Check the settings, or show the ones in force."""


@config.command(short_help="Read the settings and say whether they are good.")
@pass_invocation
def check(invocation: Invocation) -> None:
    """Read config file, .env and environment; exit 0 if every setting is good, 3 with a line a problem if not.

    The quotes file of a paper account is read too. A setting that has no effect any more is named and is no problem.
    """
    from trading_bot.config import Config
    from trading_bot.startup.paper import check_quotes, configured_account

    settings = Config.from_env_and_json(invocation.config)
    configured_account(settings)  # a live mode without its account is no setting that could be used
    check_quotes(settings)
    file = str(settings.file) if settings.file else None
    if invocation.json:
        told = {"v": _VERSION, "ok": True, "mode": settings.trading.mode, "file": file}
        click.echo(json.dumps(told | {"without_effect": list(settings.without_effect)}))
    else:
        for key in settings.without_effect:
            click.echo(f"{key} has no effect any more, so remove it", err=True)
        click.echo(f"settings are good: {settings.trading.mode} mode, {file or 'no config file, defaults'}")


@config.command(short_help="Show every setting in force.")
@click.option("--origin", is_flag=True, help="Say beside each setting where it came from.")
@pass_invocation
def show(invocation: Invocation, *, origin: bool) -> None:
    """Show every setting in force, one a line, with account numbers and secrets masked."""
    from trading_bot.cli.render.settings_text import flat_settings
    from trading_bot.config import Config

    settings = Config.from_env_and_json(invocation.config)
    values, origins = flat_settings(settings), settings.origins
    if invocation.json:
        shown: dict[str, object] = {"v": _VERSION, "settings": values}
        click.echo(json.dumps(shown | ({"origins": dict(origins)} if origin else {})))
        return
    width = max(map(len, values))
    for key, text in values.items():
        source = f"  [{origins.get(key, 'default')}]" if origin else ""
        click.echo(f"{key:<{width}}  {text}{source}")


@config.command(short_help="Print the JSON schema of the settings.")
@pass_invocation
def schema(invocation: Invocation) -> None:
    """Print the JSON schema of config.json, for editors that complete and check it."""
    from trading_bot.config import Config

    described = Config.model_json_schema()
    if invocation.json:
        click.echo(json.dumps({"v": _VERSION, "schema": described}))
    else:
        click.echo(json.dumps(described, indent=2))


for _command in (config, check, show, schema):
    common_options(_command)
