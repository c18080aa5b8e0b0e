"""What may be typed: the names, arguments and help of the commands, one file a group, with click alone.

No file here imports what a command needs for its work; each names it as a target for `trading_bot.cli.lazy.runs`. A
new command is a function here, a line in `trading_bot.cli.app`, and its work in `trading_bot.cli.work`.
"""
