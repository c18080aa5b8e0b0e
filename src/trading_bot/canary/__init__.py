"""One-share orders that walk through everything a bot may do with an account, before larger ones are let out.

What it guarantees: no share and no order of its own is left behind. Whatever ends a walk, its open orders are
cancelled and the shares it bought are left by an exit; what could not be is named. Symbols that are held, or have open
orders, are refused before anything is sent, so that nothing of anybody else's is touched. It is never more than three
shares of one symbol at a time.

How: `walk` sends each order through the bot, as a strategy does, and holds what the broker shows against what was
expected; `admission` says what a walk needs. A step that fails ends the walk of its symbol.

What it does not: it proves nothing of a market other than the one it ran in. One pass is one pass.
"""
