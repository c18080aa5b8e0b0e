"""Only one account may be traded over the agent interface, and it has to be the configured one."""

import pytest

from trading_bot.agent.account_choice import account_problem

OURS = "512340008"


def test_the_configured_account_may_be_traded_if_it_alone_is_for_agents():
    assert account_problem([OURS], OURS) is None


@pytest.mark.parametrize(
    ("for_agents", "said"),
    [
        ([], "no account of this login"),
        (["512340001"], r"the account ...0001 and not ...0008; set account_number"),
        ([OURS, "512340001"], "several accounts (...0008, ...0001)"),
    ],
)
def test_any_other_choice_is_refused_without_showing_a_whole_number(for_agents, said):
    problem = account_problem(for_agents, OURS)
    assert said in str(problem)
    assert "51234" not in str(problem)
