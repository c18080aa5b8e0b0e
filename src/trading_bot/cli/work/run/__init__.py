"""One run from the first signal to the summary, for ``run`` and ``demo``.

`play` puts the parts together: `signal_input` reads without ever being stuck in a read, `patient_start` waits for a
short command that holds the account, `session` drives the signals through the bot and shows what `order_watch` finds
changed. Whatever happens, the bot is stopped in the end and the exit code says how the run ended.
"""
