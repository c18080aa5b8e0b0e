from . import robinhood as robinhood
