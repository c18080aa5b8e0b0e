"""Checks the settings, shows them, or prints their schema."""

import json

import click

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.settings_text import flat_settings, mode_words
from trading_bot.config import Config, GatewayKind
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.paper import check_quotes

_VERSION = 1


def check(invocation: Invocation) -> None:
    """Say that the settings are good.

    The quotes file of a paper account is read too. A setting that has no effect any more is named and is no problem.

    Raises:
        ConfigError: a setting is wrong.
    """
    names = Config.account_names(invocation.config) if invocation.account is None else ()
    for name in names or (invocation.account,):
        _check_one(invocation, name)


def _check_one(invocation: Invocation, name: str | None) -> None:
    settings = Config.from_env_and_json(invocation.config, account=name)
    configured_account(settings)  # a live mode without its account is no setting that could be used
    check_quotes(settings)
    settings.secret_urls()
    file = str(settings.file) if settings.file else None
    if invocation.json:
        told = {"v": _VERSION, "ok": True, "mode": settings.trading.mode, "file": file}
        told |= {} if name is None else {"account": name}
        click.echo(json.dumps(told | {"without_effect": list(settings.without_effect)}))
    else:
        for key in settings.without_effect:
            click.echo(f"{key} has no effect any more, so remove it", err=True)
        if _rehearses_another(settings):
            click.echo('on paper gateway has no effect: to rehearse it, set "wire": "agent" in section paper', err=True)
        whose = "" if name is None else f" of {name}"
        click.echo(f"settings{whose} are good: {mode_words(settings)}, {file or 'no config file, defaults'}")


def _rehearses_another(settings: Config) -> bool:
    return settings.trading.mode == "paper" and GatewayKind.AGENT is settings.gateway is not settings.interface


def show(invocation: Invocation, *, origin: bool) -> None:
    """Show every setting in force."""
    settings = Config.from_env_and_json(invocation.config, account=invocation.account)
    values, origins = flat_settings(settings), settings.origins
    if invocation.json:
        shown: dict[str, object] = {"v": _VERSION, "settings": values}
        click.echo(json.dumps(shown | ({"origins": dict(origins)} if origin else {})))
        return
    width = max(map(len, values))
    for key, text in values.items():
        source = f"  [{origins.get(key, 'default')}]" if origin else ""
        click.echo(f"{key:<{width}}  {text}{source}")


def schema(invocation: Invocation) -> None:
    """Print the JSON schema of config.json."""
    described = Config.model_json_schema()
    if invocation.json:
        click.echo(json.dumps({"v": _VERSION, "schema": described}))
    else:
        click.echo(json.dumps(described, indent=2))
