"""Addresses that are secrets come from the environment or from .env, and are refused in the configuration file."""

import json
from pathlib import Path

import pytest

from trading_bot.config import Config, ConfigError, SecretUrls

NOTIFY, HEARTBEAT = "TRADING_BOT_NOTIFY_URLS", "TRADING_BOT_HEARTBEAT_URL"
PING = "https://hc.example/ping/secret-id"


def urls(tmp_path: Path, **environ: str) -> SecretUrls:
    return SecretUrls.from_env(environ, env_file=tmp_path / ".env")


def refused(tmp_path: Path, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        urls(tmp_path, **environ)
    return str(caught.value)


def shown(read: SecretUrls) -> tuple[list[str], str | None]:
    heartbeat = None if read.heartbeat is None else read.heartbeat.get_secret_value()
    return [url.get_secret_value() for url in read.notify], heartbeat


def test_nothing_set_is_nothing_sent(tmp_path):
    assert shown(urls(tmp_path)) == ([], None)
    assert shown(urls(tmp_path, **{NOTIFY: " ", HEARTBEAT: ""})) == ([], None)


def test_several_addresses_have_spaces_or_line_breaks_between_them_and_each_counts_once(tmp_path):
    read = urls(tmp_path, **{NOTIFY: "ntfy://a  json://b/c\nntfy://a", HEARTBEAT: PING})
    assert shown(read) == (["ntfy://a", "json://b/c"], PING)


def test_none_of_it_is_ever_shown(tmp_path):
    read = urls(tmp_path, **{NOTIFY: "ntfy://topsecret", HEARTBEAT: PING})
    assert "secret" not in repr(read) + str(read)


def test_the_environment_beats_dotenv_and_no_setting_of_such_a_name_is_missed(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / ".env").write_text(f"{NOTIFY}=ntfy://filed\n{HEARTBEAT}={PING}\n")
    (tmp_path / ".env").chmod(0o600)
    config = Config.from_env_and_json(tmp_path / "config.json", environ={NOTIFY: "ntfy://mine"})
    assert shown(config.secret_urls({NOTIFY: "ntfy://mine"})) == (["ntfy://mine"], PING)
    assert shown(config.secret_urls({})) == (["ntfy://filed"], PING)


def test_a_dotenv_that_others_can_read_is_refused(tmp_path):
    (tmp_path / ".env").write_text(f"{NOTIFY}=ntfy://filed\n")
    (tmp_path / ".env").chmod(0o644)
    assert "run chmod 600 on it" in refused(tmp_path)


def test_a_dotenv_without_addresses_may_be_read_by_others(tmp_path):
    (tmp_path / ".env").write_text("TRADING_BOT_PAPER__SEED=3\n")
    assert shown(urls(tmp_path)) == ([], None)


@pytest.mark.parametrize("text", ["topsecret", "no-schema:topsecret", "a b://topsecret", "://topsecret"])
def test_what_is_no_address_is_refused_by_its_place_and_not_shown(tmp_path, text):
    said = refused(tmp_path, **{NOTIFY: f"ntfy://good {text}"})
    assert f"{NOTIFY}: address 2 is none" in said
    assert "topsecret" not in said


@pytest.mark.parametrize(
    "text", ["hc.example/secret", "ftp://hc.example/secret", "https:///secret", "http://h:x/secret"]
)
def test_a_heartbeat_goes_to_an_address_of_the_web(tmp_path, text):
    said = refused(tmp_path, **{HEARTBEAT: text})
    assert f"{HEARTBEAT} is no address" in said
    assert "secret" not in said


def test_a_heartbeat_goes_to_one_address(tmp_path):
    assert "leave one" in refused(tmp_path, **{HEARTBEAT: f"{PING} {PING}2"})


@pytest.mark.parametrize(
    ("section", "key", "variable"),
    [("notify", "urls", NOTIFY), ("notify", "url", NOTIFY), ("heartbeat", "url", HEARTBEAT)],
)
def test_an_address_in_the_file_is_refused_with_the_variable_it_belongs_in(tmp_path, section, key, variable):
    (tmp_path / "config.json").write_text(json.dumps({section: {key: "ntfy://topsecret"}}))
    with pytest.raises(ConfigError) as caught:
        Config.from_env_and_json(tmp_path / "config.json", environ={})
    said = str(caught.value)
    assert said == (
        f"{section}.{key} must not be here, because it is a secret; set {variable} in the environment or in .env."
    )


def test_a_misspelt_variable_is_an_error_that_names_the_right_one(tmp_path):
    with pytest.raises(ConfigError, match=f"did you mean {NOTIFY}") as caught:
        Config.from_env_and_json(cwd=tmp_path, environ={"TRADING_BOT_NOTIFY__URLS": "ntfy://topsecret"})
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    "hours",
    [{"quiet_from": "22:00"}, {"quiet_to": "07:00"}, {"quiet_from": "07:00", "quiet_to": "07:00"}],
)
def test_quiet_hours_have_both_ends_and_they_differ(tmp_path, hours):
    (tmp_path / "config.json").write_text(json.dumps({"notify": hours}))
    with pytest.raises(ConfigError, match="must have both quiet_from and quiet_to"):
        Config.from_env_and_json(tmp_path / "config.json", environ={})
