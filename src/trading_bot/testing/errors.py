"""What is wrong with a test: always the script's fault, never the bot's."""


class ScriptError(Exception):
    """The test asks the scripted broker for something that makes no sense; the message says what would."""
