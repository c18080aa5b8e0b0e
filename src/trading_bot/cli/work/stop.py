"""Asks the bot that runs in another process to end, and waits for that."""

from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.clock import Clock, Seconds, SystemClock
from trading_bot.config import Config, OnStop
from trading_bot.control.client import HolderAbsentError, send_to_holder
from trading_bot.lease import Lease
from trading_bot.operations import AskToStop
from trading_bot.state_folder import StateFolder

_ANSWER_S: Seconds = 30.0
_LOOK_EVERY_S: Seconds = 0.1


def stop(invocation: Invocation, *, wait_s: Seconds) -> None:
    """Ask, wait, and say what became of it.

    Raises:
        CommandError: it was asked and has not ended within ``wait_s``, or somebody holds the account and takes no
            commands.
    """
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    send_logs_to_stderr(invocation, config)
    state, clock = place_of(config).state, SystemClock()
    try:
        answer = send_to_holder(state.control_socket, AskToStop(), clock=clock, timeout_s=_ANSWER_S)
    except HolderAbsentError as error:
        if _is_held(state):
            raise CommandError(
                "a process holds the account and takes no commands (it is starting, ending, or has none of its own); "
                "try again in a moment, else end that process",
                exit_code=ExitCode.ACCOUNT_IN_USE,
            ) from error
        if invocation.json:
            print_json({"v": 1, "stopped": True, "pid": None})
        else:
            notice("no bot is running", invocation)
        return
    has_ended = _ends(state, clock, within_s=wait_s)
    if invocation.json:
        print_json({**answer, "stopped": has_ended})
    else:
        print_line(_in_words(answer, has_ended=has_ended))
    if not has_ended and wait_s:
        raise CommandError(
            f"process {answer['pid']} was asked and has not ended within {wait_s:g} seconds; wait on, or if it is a "
            "program of your own that does not look at bot.is_asked_to_stop, end it as you began it",
            exit_code=ExitCode.NOT_SENT,
            code="still_running",
        )


def _ends(state: StateFolder, clock: Clock, *, within_s: Seconds) -> bool:
    give_up_at = clock.monotonic() + within_s
    while _is_held(state):
        if clock.monotonic() >= give_up_at:
            return False
        clock.sleep(_LOOK_EVERY_S)
    return True


def _is_held(state: StateFolder) -> bool:
    return state.lease.exists() and Lease(path=state.lease).is_taken()


def _in_words(answer: Answer, *, has_ended: bool) -> str:
    count = answer["open_orders"]
    orders = "1 order was open" if count == 1 else f"{count or 'no'} orders were open"
    kept = "on_stop is cancel" if answer["on_stop"] == OnStop.CANCEL else "nothing is done about that"
    done = "has ended" if has_ended else "was asked to end"
    return f"process {answer['pid']} {done}; {orders}" + (f", and {kept}" if count else "")
