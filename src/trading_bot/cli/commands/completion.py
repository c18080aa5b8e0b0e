"""``trading-bot completion``: the script that teaches a shell the commands and options."""

import click
from click.shell_completion import get_completion_class

from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.render.output import print_json

_VARIABLE = "_TRADING_BOT_COMPLETE"
_EPILOG = """\b
Examples:
  trading-bot completion bash > ~/.local/share/bash-completion/completions/trading-bot
  trading-bot completion zsh > ~/.zfunc/_trading-bot
  trading-bot completion fish > ~/.config/fish/completions/trading-bot.fish"""


@common_options
@click.command(epilog=_EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@pass_invocation
def completion(invocation: Invocation, context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete the commands and options of trading-bot."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}", context)
    maker = kind(context.find_root().command, {}, "trading-bot", _VARIABLE)
    # Not source(), which starts the shell to ask for its version.
    script = maker.source_template % maker.source_vars()
    if invocation.json:
        print_json({"v": 1, "shell": shell, "script": script})
    else:
        click.echo(script)
