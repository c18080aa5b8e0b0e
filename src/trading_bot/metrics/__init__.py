"""Figures of a running bot for Prometheus, on a port of this machine alone.

What it guarantees: it slows no order and breaks none. A thread of the order layer only puts a number into a queue;
figures are counted and looked at on a thread of their own, and a scrape reads what was looked at last. A figure that is
not known is absent: no zero stands for it. No account number and no symbol is in any figure.

What it does not: figures begin anew with each start of the bot, as Prometheus expects of counters. How old they are is
a figure itself, `trading_bot_updated_timestamp_seconds`.
"""
