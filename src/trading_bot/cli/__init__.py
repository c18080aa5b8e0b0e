"""The command line: what may be typed, what it does, how it is shown, and what the process ends with.

What it guarantees: one call is one command; data goes to stdout and everything else to stderr; every error that we know
is one readable line and one stable exit code (`exit_codes`), and 8 is said only if an order's outcome is unknown. No
decision about an order is made here: a command is handed to `trading_bot.operations`, in this process or in the one
that holds the account.

How: ``commands/`` declares names, arguments and help with click alone, one file a group of commands. ``work/`` does
what was typed; its modules import what they need at their top, and `lazy` loads them when the command runs. Therefore
``--help``, ``--version``, shell completion and usage errors load neither pydantic nor the HTTP library, and ``kill``
does not depend on any other command. On paper, a look at what is on record (``orders``, ``status``, ``positions``,
``frozen``) loads no bot and none of its libraries. ``render/`` turns answers into text. `app` joins them and turns each
ending into an exit code.

What it does not: it keeps no state between two calls, and a reader of our output who goes away changes nothing of
what a command does (`streams`).
"""
