"""The live view of ``trading-bot watch`` at a terminal: one bot's account on one screen, as old as it says.

What it guarantees:

1. It holds nobody up. The bot is asked by a thread of its own, one question at a time, and answers out of its memory.
2. The age counts from when the question was asked that the screen shows the answer to. A bot that does not answer makes
   it grow; what was seen last stays on the screen.
3. What is acted on is an order id, never a line. A selection follows its order; if that is gone, nothing is selected.
4. Nothing is sent twice. A cancel is confirmed by its id in a question of its own; while one is under way, the same
   order is not cancelled again. It is sent by a plain thread, which closing the screen does not break off.
5. A kill does not need the bot or the screen: the armed file goes first, then the screen is closed, and then the same
   kill runs as ``trading-bot kill`` does.

What it does not: it decides nothing, keeps nothing, and shows no event from before it began.

How: `screen` is the app, `panes` its lists, `questions` what is asked of a person, `bot_link` the threads that talk to
the bot, `call` joins them. textual is loaded here and nowhere else.
"""
