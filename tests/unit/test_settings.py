"""Settings: every problem at once, the environment before .env, and no secret in what is shown."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.errors import SettingsError
from bot.settings import Settings, read_settings

KEY = Fernet.generate_key().decode()
GOOD = {"SECRET_KEY": KEY, "SLACK_BOT_TOKEN": "xoxb-1-secret", "SLACK_APP_TOKEN": "xapp-1-secret"}


def read(given: Mapping[str, str], dotenv: Path = Path("no such file")) -> Settings:
    return read_settings(given, dotenv)


def problems(given: Mapping[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(given)
    return list(caught.value.problems)


def names(found: list[str]) -> list[str]:
    return [problem.partition(":")[0] for problem in found]


def test_three_settings_are_enough() -> None:
    settings = read(GOOD)
    assert settings.socket_mode
    assert settings.database_url == "sqlite:///data/socialdesk.db"
    assert settings.slack_api_url == "https://slack.com/api/"


def test_nothing_set_names_everything_that_is_needed() -> None:
    assert names(problems({})) == ["SECRET_KEY", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


def test_every_wrong_value_is_named_at_once_with_what_is_right() -> None:
    wrong = {
        "SECRET_KEY": "short",
        "SLACK_BOT_TOKEN": "xoxp-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "HTTP_PORT": "80000",
        "DATABASE_URL": "mysql://x/y",
        "SLACK_API_URL": "slack",
        "FIRST_ADMIN": "eva",
        "ALLOW_PRIVATE_ADDRESSES": "perhaps",
        "POLL_SECONDS": "soon",
        "LOG_LEVEL": "LOUD",
        "BLUESKY_URL": "bsky",
    }
    found = problems(wrong)
    assert sorted(names(found)) == sorted(set(wrong) - {"SLACK_APP_TOKEN"})
    assert not [problem for problem in found if "xoxp-1" in problem or "short" in problem]


def test_a_wrong_value_is_not_called_unset_as_well() -> None:
    found = problems({**GOOD, "SLACK_APP_TOKEN": "xoxb-in-the-wrong-place"})
    assert len(found) == 1
    assert found[0].startswith("SLACK_APP_TOKEN: must begin with xapp-")
    http = {name: GOOD[name] for name in ("SECRET_KEY", "SLACK_BOT_TOKEN")}
    found = problems({**http, "SLACK_SIGNING_SECRET": "s", "HTTP_PORT": "eighty"})
    assert names(found) == ["HTTP_PORT"]


def test_http_needs_a_secret_and_a_port() -> None:
    http = {name: GOOD[name] for name in ("SECRET_KEY", "SLACK_BOT_TOKEN")}
    assert names(problems({**http, "SLACK_SIGNING_SECRET": "s"})) == ["HTTP_PORT"]
    assert names(problems({**http, "HTTP_PORT": "8080"})) == ["SLACK_APP_TOKEN"]
    assert not read({**http, "SLACK_SIGNING_SECRET": "s", "HTTP_PORT": "8080"}).socket_mode


def test_the_environment_wins_over_the_file_and_empty_means_unset(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        f"SECRET_KEY={KEY}\nSLACK_BOT_TOKEN=xoxb-file\nSLACK_APP_TOKEN=xapp-file\n"
        "POLL_SECONDS=7\nLOG_LEVEL=\n"
    )
    settings = read({"SLACK_BOT_TOKEN": "xoxb-environment", "HTTP_HOST": ""}, dotenv)
    assert settings.slack_bot_token == "xoxb-environment"
    assert settings.slack_app_token == "xapp-file"
    assert settings.poll_seconds == 7
    assert (settings.log_level, settings.http_host) == ("INFO", "127.0.0.1")


def test_the_first_key_encrypts_and_all_of_them_decrypt() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed_long_ago = Fernet(old).encrypt(b"x")
    keys = read({**GOOD, "SECRET_KEY": f"{new}, {old}"}).secret_keys
    assert keys.decrypt(sealed_long_ago) == b"x"
    assert Fernet(new).decrypt(keys.encrypt(b"y")) == b"y"


def test_no_secret_is_shown() -> None:
    secret = {
        **GOOD,
        "SLACK_SIGNING_SECRET": "signing-secret",
        "DATABASE_URL": "postgresql://bot:database-secret@db/desk",
    }
    shown = repr(read(secret))
    assert "http_host" in shown, "the rest is"
    assert "secret" not in shown
    assert KEY not in shown


MANY = {
    "SECRET_KEY": KEY,
    "SLACK_CLIENT_ID": "1.2",
    "SLACK_CLIENT_SECRET": "client-secret",
    "SLACK_SIGNING_SECRET": "signing-secret",
    "HTTP_PORT": "8080",
    "PUBLIC_URL": "https://social.example.com/",
}


def test_many_workspaces_need_the_apps_own_credentials_and_an_address() -> None:
    settings = read(MANY)
    assert settings.many_workspaces
    assert not read(GOOD).many_workspaces
    assert settings.public_url == "https://social.example.com"
    assert "secret" not in repr(settings)
    for name in set(MANY) - {"SECRET_KEY"}:
        assert names(problems({**MANY, name: ""})) == [name]
    assert names(problems({**MANY, "PUBLIC_URL": "http://social.example.com"})) == ["PUBLIC_URL"]
    assert read({**MANY, "PUBLIC_URL": "http://127.0.0.1:8080"}).many_workspaces


def test_one_workspace_and_many_at_once_are_refused_in_plain_words() -> None:
    for name, value in (
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_APP_TOKEN", "xapp-1"),
        ("FIRST_ADMIN", "U1"),
    ):
        [problem] = problems({**MANY, name: value})
        assert problem.startswith(f"{name}: ")
        assert "take one kind out" in problem
