"""What a command does once it was typed: one file a group, or a room where a group needs several.

Each function here is named as a target in `trading_bot.cli.commands` and gets the invocation and the arguments by name.
It returns an exit code, or None for 0. The modules import at their top; nothing here is loaded before a command runs.
"""
