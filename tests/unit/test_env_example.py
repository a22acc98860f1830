"""`.env.example` names every setting, with its default, and nothing else."""

import re
from pathlib import Path

from cryptography.fernet import Fernet
from marshmallow import missing

from bot.networks import NETWORKS
from bot.settings import read_settings, schema_of

ROOT = Path(__file__).parents[2]
LINES = (ROOT / ".env.example").read_text().splitlines()
SHOWN = dict(found.groups() for line in LINES if (found := re.fullmatch(r"#?([A-Z_]+)=(.*)", line)))
EXAMPLES = {"DATABASE_URL", "FIRST_ADMIN", "HTTP_PORT"}  # unset by default: a possible value


def test_every_setting_is_in_it() -> None:
    assert set(SHOWN) == set(schema_of().fields)
    for network in NETWORKS:
        assert {setting.variable for setting in network.settings} <= set(SHOWN)


def test_it_shows_the_defaults() -> None:
    for name, declared in schema_of().fields.items():
        if declared.load_default is missing or name in EXAMPLES:
            continue
        default = "" if declared.load_default is None else str(declared.load_default)
        assert SHOWN[name].lower() == default.lower(), name


def test_each_has_words_before_it() -> None:
    for number, line in enumerate(LINES):
        if re.fullmatch(r"#?[A-Z_]+=.*", line):
            assert LINES[number - 1].startswith("#"), line


def test_filled_in_it_starts_the_bot(tmp_path: Path) -> None:
    given = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SECRET_KEY": Fernet.generate_key().decode(),
    }
    file = tmp_path / ".env"
    file.write_text("\n".join(f"{name}={value}" for name, value in (SHOWN | given).items()))
    settings = read_settings({}, dotenv=file)
    assert settings.first_admin == "U024BE7LH"
    assert settings.http_port == 8080
