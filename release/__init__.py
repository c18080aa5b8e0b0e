"""What is made for those who install the bot: the locked versions, the list of parts, the audit, the tried package.

Every file here is a command, such as `python -m release.audit`, and the Makefile has a name for each. None of them is
part of the package, and none is needed to trade.
"""
