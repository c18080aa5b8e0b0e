"""The address of a shared journal: a URL without a secret, from the file or the environment."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from trading_bot.config import Config, ConfigError


def read(tmp_path: Path, url: str | None) -> Config:
    (tmp_path / "config.json").write_text("{}")
    variables = {} if url is None else {"TRADING_BOT_JOURNAL_URL": url}
    return Config.from_env_and_json(tmp_path / "config.json", environ=variables)


def test_without_one_the_journal_is_a_file_of_this_machine(tmp_path):
    assert read(tmp_path, None).journal_url is None
    assert read(tmp_path, "null").journal_url is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example/trading",
        "postgres://bot@db.example:5433/trading?sslmode=verify-full",
        "postgresql:///?service=trading",
        "postgresql://bot@one,two/trading?target_session_attrs=read-write",
    ],
)
def test_file_and_environment_may_name_a_database(tmp_path, url):
    assert read(tmp_path, url).journal_url == SecretStr(url)
    (tmp_path / "config.json").write_text(f'{{"journal_url": "{url}"}}')
    assert Config.from_env_and_json(tmp_path / "config.json", environ={}).journal_url == SecretStr(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://bot:hunter2@db/trading", "must hold no password"),
        ("postgresql://bot:@db/trading", "must hold no password"),
        ("postgresql://db/trading?password=hunter2", "must hold no password"),
        ("postgresql://db/trading?sslpassword=hunter2", "must hold no password"),
        ("mysql://db/trading", 'must begin with "postgresql://"'),
        ("host=db dbname=trading", "must be a URL"),
        ("postgresql://[::1/trading", "must be a URL"),
        ("postgresql://db/trading\n", "must be a URL"),
    ],
)
def test_anything_else_is_refused_and_not_shown(tmp_path, url, problem):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, url)
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)
