"""One call of ``trading-bot kill``, from the first signal handler to the last line of the verdict.

What it guarantees: trading is off (`aim`) before a connection is opened, an output is written or a line of the terminal
waited for, and there is always a verdict, whatever the settings, a disk, a signal or a reader of our output do.

How, in the order in which it happens: `signals` takes the signals, so that none ends the process between two cancels;
`aim` reads the settings within 2 s and takes the armed file away within 5 s, of every account if it is in doubt which
one is meant; `call` runs the account's kill (`trading_bot.kill`) beside the main thread and gives up if `overdue` says
so; `reporter` and `terminal` write, in a thread that nothing waits for.

What it does not: it does not undo fills, and where it cannot prove that no order is open it says NOT CONFIRMED and what
a person has to do. Missing packages stop it before the latch, because the settings are read with them.
"""
