"""``python -m trading_bot.startup``: start the bot and let it run, as ``trading-bot run`` does."""

import sys

from trading_bot.__main__ import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
