"""What people expect of a trading program at a terminal, convention by convention.

A convention that another test proves is named in `PROVEN_ELSEWHERE`; the tests of this file prove the others.
"""

import ast
import json
import re

import click
import pytest

from tests.support.command_line import REPOSITORY, run_cli
from tests.support.command_line_bench import CommandLineBench
from tests.support.command_tree import every_command
from tests.support.terminal import at_terminal
from trading_bot.cli.exit_codes import ExitCode

PROVEN_ELSEWHERE = {
    "paper is the default": "config/test_config_file.py::test_without_a_name_or_a_file_the_defaults_hold",
    "no typo makes it live": ("config/test_config_file.py::test_a_mode_that_is_not_exactly_one_of_the_two_is_refused"),
    "live takes every consent": (
        "startup/test_live.py::test_exactly_one_combination_of_consents_reaches_the_broker_with_an_order"
    ),
    "paper and live keep apart": (
        "trading_bot/test_state_folder.py::test_accounts_and_modes_have_names_of_their_own_that_do_not_show_the_number"
    ),
    "-c names one file": "config/test_config_file.py::test_a_named_file_that_is_missing_is_an_error",
    "flags, environment, .env, file, defaults": (
        "config/test_config_file.py::test_the_environment_beats_dotenv_which_beats_the_file"
    ),
    "origin of each setting": "cli/test_command_line.py::test_the_origin_of_each_setting_can_be_shown",
    "mode and account from the file alone": (
        "config/test_config_file.py::test_what_only_the_file_may_say_is_refused_elsewhere"
    ),
    "one prefix, unknown names are errors": (
        "config/test_config_file.py::test_an_unknown_variable_with_our_prefix_is_an_error"
    ),
    "config show hides secrets": "cli/test_command_line.py::test_the_account_number_is_shown_by_its_last_four_alone",
    "config check": "cli/test_command_line.py::test_a_bad_setting_is_one_readable_line_and_exit_code_3",
    "version": "cli/test_command_line.py::test_the_version_is_told",
    "-v is counted, --quiet silences": "cli/test_log_output.py::test_each_v_says_more_and_quiet_leaves_the_errors",
    "colour can be refused": "cli/work/run/test_play.py::test_colours_can_be_refused",
    "a dumb terminal": "cli/work/run/test_play.py::test_a_dumb_terminal_gets_plain_lines",
    "never ask without a terminal": (
        "cli/test_prompts.py::test_where_nobody_can_be_asked_the_option_is_named_that_answers"
    ),
    "--no-input": "cli/test_prompts.py::test_no_input_asks_nothing_even_here",
    "doctor": "cli/work/test_doctor.py::test_a_new_machine_is_well_and_nothing_is_made",
    "XDG state": "config/test_config_file.py::test_the_state_folder",
    "clean stop, 130 and 143": "cli/work/run/test_play.py::test_a_stop_signal_ends_a_waiting_run_cleanly",
    "a second signal forces": "cli/work/test_stop_request.py::test_a_second_signal_is_left_to_the_system",
    "stopping and open orders": (
        "cli/test_across_processes.py::test_what_becomes_of_open_orders_at_the_end_is_configured_and_said"
    ),
    "kill with the bot dead": "cli/work/test_safety.py::test_it_asks_nothing_cancels_everything_and_proves_it",
    "idempotent resubmit": (
        "cli/work/test_orders.py::test_the_same_client_order_id_again_sends_nothing_and_is_a_refusal"
    ),
    "list first, then confirm": "cli/test_prompts.py::test_only_a_yes_cancels",
    "completion": "cli/commands/test_completion.py::test_each_shell_gets_a_script_that_asks_this_program",
    "py.typed": "architecture/test_tree.py::test_the_package_says_that_it_is_typed",
    "a library configures no logging": (
        "logging/test_setup.py::test_the_library_configures_nothing_and_stays_silent_by_itself"
    ),
    "changelog": "architecture/test_public_names.py::test_the_changelog_begins_with_the_version_of_the_package",
    "an example without an account": (
        "cli/work/run/test_demo.py::test_it_ends_well_and_says_nothing_on_stderr_under_json"
    ),
    "names of the login are documented": (
        "config/test_config_file.py::test_a_login_in_the_file_is_refused_and_never_shown"
    ),
}


@pytest.mark.parametrize("proof", PROVEN_ELSEWHERE.values(), ids=PROVEN_ELSEWHERE)
def test_a_convention_that_is_proven_elsewhere_has_its_proof_there(proof):
    path, name = proof.split("::")
    tree = ast.parse((REPOSITORY / "tests" / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


COMMANDS = every_command()
ALL = tuple(COMMANDS)
LEAVES = tuple(words for words, command in COMMANDS.items() if not isinstance(command, click.Group))


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def test_the_commands_are_the_documented_ones():
    assert {" ".join(words) for words in LEAVES} == {
        *("run", "demo", "buy", "sell", "preview", "orders", "status", "cancel", "cancel-all", "sync"),
        *("positions", "kill", "arm", "login", "logout", "doctor", "completion", "config check", "config show"),
        *("config schema", "audit tail", "audit verify", "audit explain", "resolve", "adopt", "release"),
        *("accept-position", "exit", "flatten", "resume", "frozen", "watch", "stop", "accounts", "account"),
        *("trades", "report", "replace", "notify test", "protect", "protections", "quote", "history", "tie-out"),
        *("risk show", "canary", "broker"),
    }


@pytest.mark.parametrize("words", ALL, ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_everywhere_and_costs_nothing(cli, words, option):
    done = cli(*words, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: trading-bot")


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_help_ends_with_examples_that_name_real_commands(words):
    examples = re.findall(r"trading-bot [^\n|>]*", COMMANDS[words].epilog or "")
    assert examples
    for example in examples:
        typed = [word for word in example.split()[1:] if not word.startswith("-")]
        assert (typed[0],) in COMMANDS


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_takes_the_common_options(words):
    given = {option for parameter in COMMANDS[words].params for option in parameter.opts}
    assert given >= {"-c", "--config", "--json", "-v", "--verbose", "--quiet", "--no-color", "--no-input"}


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_no_secret_is_ever_an_option(words):
    given = " ".join(option for parameter in COMMANDS[words].params for option in parameter.opts)
    assert not re.search(r"passw|secret|token|mfa|user|account", given.replace("--account", ""))  # a name of ours


READ = [
    ["orders"],
    ["orders", "--all"],
    ["positions"],
    ["sync"],
    ["status", "first"],
    ["preview", "buy", "AAPL", "1", "--reference-price", "100"],
    ["risk", "show"],
    ["audit", "tail"],
    ["audit", "verify"],
    ["audit", "explain", "first"],
    ["report"],
    ["config", "check"],
    ["config", "show"],
    ["config", "schema"],
    ["doctor"],
    ["login"],
    ["logout"],
    ["completion", "bash"],
    ["cancel", "first"],
    ["cancel-all", "--yes"],
    ["arm", "--confirm", "PAPER"],
    ["buy", "MSFT", "1", "--reference-price", "100"],
]


@pytest.mark.parametrize("arguments", READ, ids=" ".join)
@pytest.mark.parametrize("before", [True, False])
def test_json_is_objects_of_one_schema_version_and_nothing_else_on_stdout(cli, arguments, before):
    cli.buy("first")
    done = cli("--json", *arguments) if before else cli(*arguments, "--json")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers
    assert {answer["v"] for answer in answers} == {1}


@pytest.mark.parametrize("arguments", READ, ids=" ".join)
def test_money_in_json_is_text(cli, arguments):
    """A JSON number would pass through a binary fraction in most programs that read it."""
    cli.buy("first")

    def refuse(number: str) -> None:
        raise AssertionError(f"{number} is a fraction")

    for line in cli("--json", *arguments).stdout.splitlines():
        if arguments[:2] != ["config", "schema"]:
            json.loads(line, parse_float=refuse)


@pytest.mark.parametrize("arguments", READ, ids=" ".join)
def test_away_from_a_terminal_nothing_is_drawn(cli, arguments):
    cli.buy("first")
    done = cli(*arguments)
    if arguments[0] != "completion":
        assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_errors_are_on_stderr_and_objects_under_json(cli, json_option):
    done = cli(*json_option, "status", "nobody")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    said = done.stderr.rstrip("\n")
    if json_option:
        error = json.loads(said)["error"]
        assert (error["code"], error["exit_code"]) == ("order_not_found", 2)
    else:
        assert said.startswith("trading-bot: no order 'nobody'")


def test_times_are_utc_in_files_and_json_and_the_exchanges_own_for_people(cli):
    cli.buy("first")
    (order,) = cli.json("orders")["orders"]
    assert order["created_at"].endswith("Z")
    assert all(json.loads(line)["ts"].endswith("Z") for line in cli.journal.read_text(encoding="utf-8").splitlines())
    assert re.search(r"\d\d:\d\d:\d\d E[SD]T", cli("orders").stdout)


def test_every_order_shows_its_client_order_id(cli):
    bought = cli.json("buy", "AAPL", "1", "--reference-price", "100")["order"]
    name = bought["client_order_id"]
    assert name
    assert name in cli("orders").stdout
    assert name in cli("status", bought["order_id"]).stdout
    assert name in cli("cancel", bought["order_id"]).stdout


def test_exit_codes_are_the_documented_ones():
    assert {code.value for code in ExitCode} == {*range(12), 130, 143}


def test_the_logs_lie_beside_the_project_as_json_lines(cli):
    cli.buy("first")
    assert sorted(path.name for path in (cli.home / "logs").glob("*.jsonl")) == ["orders.jsonl", "trades.jsonl"]


def test_a_credentials_file_is_not_for_git():
    assert ".env" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()


def test_the_readme_warns_and_tells_to_try_on_paper_first():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "not investment advice" in text
    assert "on paper first" in text


def test_a_schema_describes_every_section_of_the_settings(cli):
    schema = json.loads(cli("config", "schema").stdout)
    assert {"trading", "risk_management", "order_management", "paper"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


@pytest.mark.subprocess
def test_the_module_is_the_script(tmp_path):
    assert run_cli(["buy", "--help"], home=tmp_path).stdout.startswith("Usage: trading-bot buy")


@pytest.mark.subprocess
def test_tables_are_drawn_at_a_terminal(cli):
    cli.buy("first")
    code, drawn = at_terminal(["-c", str(cli.config), "orders"], home=cli.home)
    assert code == 0
    assert "\u2500" in drawn
