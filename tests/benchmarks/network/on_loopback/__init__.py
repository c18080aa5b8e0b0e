"""A folder for the module search path of a client: it leads the broker's name to the stand-in, and shifts the clock.

Every client is otherwise as it is installed: this build, 0.1, robin_stocks and requests take the same way. Nothing here
is part of the product, which has no setting that sends a user elsewhere.
"""
