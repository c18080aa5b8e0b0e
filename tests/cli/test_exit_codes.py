from trading_bot.cli.exit_codes import ExitCode


def test_the_exit_codes_are_the_documented_ones():
    """Scripts are written against these figures: 7 may be tried again, 8 never."""
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "UNEXPECTED": 1,
        "USAGE": 2,
        "CONFIGURATION": 3,
        "LOGIN_NEEDED": 4,
        "REFUSED_BY_RULE": 5,
        "REFUSED_BY_BROKER": 6,
        "NOT_SENT": 7,
        "OUTCOME_UNKNOWN": 8,
        "ACCOUNT_IN_USE": 9,
        "MARKET_CLOSED": 10,
        "JOURNAL": 11,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }
