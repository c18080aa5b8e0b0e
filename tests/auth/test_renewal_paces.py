"""How often a refused session is renewed: rarely for reads where that brings nothing, and sooner for an order."""

import pytest

from tests.support.agent_login_bench import AgentLoginBench
from tests.support.live_login_bench import TOKEN, LoginBench, tokens
from tests.support.scripted_broker import Answer, clock, lost, reply
from trading_bot.agent.login.agent_login import HURRIED_PAUSE_S, MOST_IN_DOUBT
from trading_bot.agent.login.agent_login import LONG_PAUSE_S as LONG_AGENT_PAUSE_S
from trading_bot.auth.live_login import LONG_PAUSE_S, MOST_TROUBLED, TROUBLED_PAUSE_S, WORKED_S
from trading_bot.auth.renewal_pause import RenewalPause


@pytest.fixture
def bench(tmp_path) -> LoginBench:
    return LoginBench(tmp_path / "state").logged_in().answered_401()


@pytest.fixture
def agent(tmp_path) -> AgentLoginBench:
    return AgentLoginBench(tmp_path / "state").logged_in().answered_401()


def sent(bench: LoginBench | AgentLoginBench) -> int:
    return bench.broker.paths().count("POST /oauth2/token/")


def waited_for(bench: LoginBench | AgentLoginBench, *, every_s: float = 1.0, hurries: bool = False) -> float:
    """How long it takes from a renewal on until the next is sent, where somebody asks each second."""
    before, began = sent(bench), bench.time.monotonic()
    while sent(bench) == before and bench.time.monotonic() - began < 3600:
        bench.time.sleep(every_s)
        if hurries:
            bench.login.hurry()
        bench.login.renew(20)
    return bench.time.monotonic() - began


def troubled(bench: LoginBench, answer: Answer, *, times: int = MOST_TROUBLED + 1) -> None:
    """Let so many renewals end in trouble, as background reads would ask for them."""
    bench.broker.always(*TOKEN, answer)
    bench.login.renew(20)
    for _ in range(times - 1):
        waited_for(bench)


# After trouble


@pytest.mark.parametrize("answer", [lost(), reply(503)], ids=["silence", "503"])
def test_after_three_troubled_renewals_an_order_waits_for_the_next_no_longer_than_thirty_seconds(bench, answer):
    troubled(bench, answer)
    assert waited_for(bench, hurries=True) == TROUBLED_PAUSE_S


def test_reads_wait_five_minutes_after_three_troubled_renewals(bench):
    troubled(bench, reply(503))
    assert waited_for(bench) == LONG_PAUSE_S
    assert waited_for(bench) == LONG_PAUSE_S


def test_an_order_late_in_a_long_pause_has_its_renewal_at_once(bench):
    troubled(bench, reply(503))
    bench.time.sleep(TROUBLED_PAUSE_S + 60)
    bench.login.hurry()
    bench.broker.always(*TOKEN, tokens(2))
    assert bench.login.renew(20)


def test_one_order_has_one_renewal(bench):
    """However long it goes on asking: what hurries the next one is the next order."""
    troubled(bench, reply(503))
    bench.login.hurry()
    assert waited_for(bench) == TROUBLED_PAUSE_S
    assert waited_for(bench) == LONG_PAUSE_S


def test_an_order_before_the_trouble_hurries_nothing_after_it(bench):
    bench.login.hurry()
    troubled(bench, reply(503))
    assert waited_for(bench) == LONG_PAUSE_S


def test_an_order_that_begins_while_a_renewal_is_on_its_way_has_another_one(bench):
    troubled(bench, reply(503), times=MOST_TROUBLED)
    bench.broker.always(*TOKEN, Answer(status=503, then=bench.login.hurry))
    assert waited_for(bench) == TROUBLED_PAUSE_S
    assert waited_for(bench) == TROUBLED_PAUSE_S


@pytest.mark.parametrize(
    "answer",
    [
        reply(429),
        reply(429, {}, Retry_After="200"),
        reply(404),
        reply(307, None, Location="https://elsewhere.example/"),
    ],
    ids=["throttled", "throttled for so long", "not found", "redirected"],
)
def test_no_order_hurries_a_renewal_that_cannot_help_or_that_the_broker_put_off(bench, answer):
    bench.broker.always(*TOKEN, answer)
    bench.login.renew(20)
    assert waited_for(bench, hurries=True) == (200 if "Retry-After" in answer.headers else LONG_PAUSE_S)


# New tokens that are refused too


def test_a_renewal_whose_new_tokens_are_refused_counts_as_troubled(bench):
    """Each call would renew again otherwise, as often as calls are made."""
    bench.broker.always(*TOKEN, tokens(2))
    paces = []
    assert bench.login.renew(20)
    for number in range(3, 7):
        bench.answered_401()
        bench.broker.always(*TOKEN, tokens(number))
        paces.append(waited_for(bench))
    assert paces == [TROUBLED_PAUSE_S, TROUBLED_PAUSE_S, LONG_PAUSE_S, LONG_PAUSE_S]


def test_an_order_waits_no_longer_than_thirty_seconds_for_other_tokens_than_those_that_are_refused(bench):
    bench.broker.always(*TOKEN, tokens(2))
    assert bench.login.renew(20)
    for number in range(3, 7):
        bench.answered_401()
        bench.broker.always(*TOKEN, tokens(number))
        assert waited_for(bench, hurries=True) == TROUBLED_PAUSE_S


def test_tokens_that_worked_for_an_hour_and_are_refused_then_were_not_renewed_in_vain(bench):
    for number in range(2, 7):
        bench.broker.always(*TOKEN, tokens(number))
        assert bench.login.renew(20)
        bench.time.sleep(WORKED_S)
        bench.answered_401()


def test_a_login_by_a_person_ends_every_pause(bench):
    troubled(bench, reply(503))
    other = LoginBench(bench.folder)
    other.broker.on(*TOKEN, tokens(5))
    other.log_in()
    assert bench.login.renew(20)
    bench.answered_401()
    bench.broker.always(*TOKEN, tokens(6))
    assert bench.login.renew(20)


# The official interface


def test_there_too_an_order_has_the_second_try_of_a_token_in_doubt_sooner(agent):
    agent.broker.always(*TOKEN, lost())
    assert not agent.login.renew(20)
    assert waited_for(agent, hurries=True) == HURRIED_PAUSE_S


def test_the_last_try_of_a_token_in_doubt_waits_for_better_times(agent):
    """After it only a person can log in: a bad minute at the token endpoint must not use it up."""
    agent.broker.always(*TOKEN, lost())
    assert not agent.login.renew(20)
    for _ in range(MOST_IN_DOUBT - 2):
        assert waited_for(agent, hurries=True) == HURRIED_PAUSE_S
    assert waited_for(agent, hurries=True) == LONG_AGENT_PAUSE_S


def test_there_too_reads_wait_five_minutes_while_a_token_is_in_doubt(agent):
    agent.broker.always(*TOKEN, lost())
    assert not agent.login.renew(20)
    assert waited_for(agent) == LONG_AGENT_PAUSE_S


def test_a_pause_is_never_lengthened_by_a_hurry():
    time = clock()
    pause = RenewalPause(time)
    pause.begin(5, in_a_hurry_s=30)
    pause.hurry()
    time.sleep(5)
    assert pause.is_over
