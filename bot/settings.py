"""The environment -> one frozen object; every missing or wrong value is named at once.

A file ``.env`` in the working directory is read as well; what the environment says wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.fernet import Fernet
from dotenv import dotenv_values
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from bot.errors import SettingsError
from bot.keys import Keyring
from bot.networks import NETWORKS
from bot.networks.base import Network
from storage.database import normalised

HOW_TO_MAKE_A_KEY = (
    'Make one with: .venv/bin/python -c "from cryptography.fernet import Fernet; '
    'print(Fernet.generate_key().decode())"'
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. Addresses are settings so that other servers can stand in.

    What is secret isn't shown by ``repr``: a traceback or a log line must not hold it.
    """

    data_dir: Path
    database_url: str = field(repr=False)
    secret_keys: Keyring = field(repr=False)
    slack_bot_token: str | None = field(repr=False)
    slack_app_token: str | None = field(repr=False)
    slack_signing_secret: str | None = field(repr=False)
    slack_client_id: str | None
    slack_client_secret: str | None = field(repr=False)
    public_url: str | None
    slack_api_url: str
    http_host: str
    http_port: int | None
    first_admin: str | None
    allow_private_addresses: bool
    poll_seconds: int
    log_level: str
    networks: Mapping[str, str]

    @property
    def socket_mode(self) -> bool:
        """Slack is reached by WebSocket; else it sends signed HTTP requests."""
        return self.slack_app_token is not None

    @property
    def many_workspaces(self) -> bool:
        """The app is installed in any number of workspaces (*Add to Slack*); else it is in the one
        of its bot token."""
        return self.slack_client_id is not None


def read_settings(
    environment: Mapping[str, str],
    dotenv: Path = Path(".env"),
    registry: Sequence[type[Network]] = NETWORKS,
) -> Settings:
    """Read and check the settings.

    :param registry: the networks there are; each declares its own.
    :raises SettingsError: names every missing or wrong one and says what to do.
    """
    from_file = dotenv_values(dotenv) if dotenv.exists() else {}
    given = {name: value for name, value in {**from_file, **environment}.items() if value}
    try:
        read: dict[str, Any] = schema_of(registry).load(given)
    except ValidationError as error:
        raise SettingsError(_in_words(error)) from error
    addresses = {setting.variable for network in registry for setting in network.settings}
    data_dir = Path(read["DATA_DIR"])
    return Settings(
        data_dir=data_dir,
        database_url=read["DATABASE_URL"] or f"sqlite:///{data_dir / 'socialdesk.db'}",
        secret_keys=read["SECRET_KEY"],
        slack_bot_token=read["SLACK_BOT_TOKEN"],
        slack_app_token=read["SLACK_APP_TOKEN"],
        slack_signing_secret=read["SLACK_SIGNING_SECRET"],
        slack_client_id=read["SLACK_CLIENT_ID"],
        slack_client_secret=read["SLACK_CLIENT_SECRET"],
        public_url=read["PUBLIC_URL"] and read["PUBLIC_URL"].rstrip("/"),
        slack_api_url=read["SLACK_API_URL"],
        http_host=read["HTTP_HOST"],
        http_port=read["HTTP_PORT"],
        first_admin=read["FIRST_ADMIN"],
        allow_private_addresses=read["ALLOW_PRIVATE_ADDRESSES"],
        poll_seconds=read["POLL_SECONDS"],
        log_level=read["LOG_LEVEL"],
        networks={name: value for name, value in read.items() if name in addresses},
    )


def _in_words(error: ValidationError) -> list[str]:
    problems = []
    by_name: dict[str, list[str]] = error.normalized_messages()  # type: ignore[no-untyped-call]  # marshmallow's
    for name, messages in sorted(by_name.items()):
        for message in messages:
            problems.append(message if name == "_schema" else f"{name}: {message}")
    return problems


class _Keys(fields.Field[Keyring]):
    """One or more Fernet keys, separated by commas; the first one encrypts."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Keyring:
        try:
            return Keyring([Fernet(key.strip()) for key in str(value).split(",")])
        except ValueError as error:
            raise ValidationError(f"isn't a Fernet key. {HOW_TO_MAKE_A_KEY}") from error


def _is_database(value: str) -> None:
    try:
        normalised(value)
    except ValueError as error:
        raise ValidationError(
            "must begin with sqlite:///, postgresql:// or postgres://, like "
            "sqlite:///data/socialdesk.db"
        ) from error


def _begins(prefix: str, what: str) -> validate.Regexp:
    return validate.Regexp(f"^{prefix}", error=f"must begin with {prefix}. {what}")


WHERE_BOT = "It's on your Slack app's page, OAuth & Permissions, Bot User OAuth Token."
WHERE_APP = (
    "It's on your Slack app's page, Basic Information, App-Level Tokens (scope connections:write)."
)


def _address(default: str | None) -> fields.Str:
    return fields.Str(load_default=default, validate=_is_address)


def _is_address(value: str) -> None:
    """What marshmallow's own field does, without a pattern that takes 80 ms to compile."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValidationError("isn't a web address, like https://example.com.")


def _text(**options: Any) -> fields.Str:
    return fields.Str(load_default=None, **options)


def schema_of(registry: Sequence[type[Network]] = NETWORKS) -> Schema:
    """Every setting there is, with its default and what makes it wrong."""
    declared: dict[str, Any] = {
        "DATA_DIR": fields.Str(load_default="data"),
        "DATABASE_URL": _text(validate=_is_database),
        "SECRET_KEY": _Keys(
            required=True,
            error_messages={
                "required": "isn't set. It encrypts the passwords of your social accounts; "
                f"keep it safe. {HOW_TO_MAKE_A_KEY}"
            },
        ),
        "SLACK_BOT_TOKEN": _text(validate=_begins("xoxb-", WHERE_BOT)),
        "SLACK_APP_TOKEN": _text(validate=_begins("xapp-", WHERE_APP)),
        "SLACK_SIGNING_SECRET": _text(),
        "SLACK_CLIENT_ID": _text(),
        "SLACK_CLIENT_SECRET": _text(),
        "PUBLIC_URL": _address(None),
        "SLACK_API_URL": _address("https://slack.com/api/"),
        "HTTP_HOST": fields.Str(load_default="127.0.0.1"),
        "HTTP_PORT": fields.Int(
            load_default=None,
            validate=validate.Range(1, 65535, error="must be a port, from 1 to 65535."),
            error_messages={"invalid": "must be a number, like 8080."},
        ),
        "FIRST_ADMIN": _text(
            validate=validate.Regexp(
                "^[UW][A-Z0-9]+$",
                error="must be a Slack member id like U024BE7LH (profile, ⋮, Copy member ID).",
            )
        ),
        "ALLOW_PRIVATE_ADDRESSES": fields.Bool(
            load_default=False, error_messages={"invalid": "must be true or false."}
        ),
        "POLL_SECONDS": fields.Int(
            load_default=60,
            validate=validate.Range(1, 3600, error="must be from 1 to 3600."),
            error_messages={"invalid": "must be a number of seconds, like 60."},
        ),
        "LOG_LEVEL": fields.Str(
            load_default="INFO",
            validate=validate.OneOf(
                ["DEBUG", "INFO", "WARNING", "ERROR"],
                error="must be DEBUG, INFO, WARNING or ERROR.",
            ),
        ),
    }
    for network in registry:
        for setting in network.settings:
            declared[setting.variable] = _address(setting.default)
    return _SettingsSchema.from_dict(declared)(unknown=EXCLUDE)


class _SettingsSchema(Schema):
    """What must hold between settings."""

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_way_in(self, _: object, given: Mapping[str, Any], **__: Any) -> None:
        """Slack must be able to reach us one way or the other. A wrong value isn't a missing one,
        so this looks at what was given."""
        if any(given.get(name) for name in MANY):
            _check_many(given)
            return
        problems = []
        if not given.get("SLACK_BOT_TOKEN"):
            problems.append(f"SLACK_BOT_TOKEN: isn't set. {WHERE_BOT}")
        if not given.get("SLACK_APP_TOKEN") and not given.get("SLACK_SIGNING_SECRET"):
            problems.append(
                f"SLACK_APP_TOKEN: isn't set. {WHERE_APP} "
                "(For HTTP instead of Socket Mode set SLACK_SIGNING_SECRET and HTTP_PORT.)"
            )
        elif not given.get("SLACK_APP_TOKEN") and not given.get("HTTP_PORT"):
            problems.append(
                "HTTP_PORT: isn't set. With SLACK_SIGNING_SECRET and without SLACK_APP_TOKEN, "
                "Slack sends requests by HTTP: say on which port."
            )
        if problems:
            raise ValidationError(problems)


MANY = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET")
WHERE_CREDENTIALS = "It's on your Slack app's page, Basic Information, App Credentials."
NEEDED_FOR_MANY = {
    "SLACK_CLIENT_ID": WHERE_CREDENTIALS,
    "SLACK_CLIENT_SECRET": WHERE_CREDENTIALS,
    "SLACK_SIGNING_SECRET": WHERE_CREDENTIALS,
    "HTTP_PORT": "Slack and people's browsers come by HTTP: say on which port.",
    "PUBLIC_URL": "It's where browsers reach this bot, like https://social.example.com.",
}
NOT_FOR_MANY = {
    "SLACK_BOT_TOKEN": "is of one workspace",
    "SLACK_APP_TOKEN": "is for Socket Mode, and many workspaces are served by HTTP",
    "FIRST_ADMIN": "is a person of one workspace; in each one, who installs the app may set it up",
}


def _check_many(given: Mapping[str, Any]) -> None:
    """What many workspaces need, and what belongs to one alone."""
    problems = [
        f"{name}: isn't set, and many workspaces (SLACK_CLIENT_ID) need it. {where}"
        for name, where in NEEDED_FOR_MANY.items()
        if not given.get(name)
    ]
    problems += [
        f"{name}: {why}. SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are for many workspaces: take "
        "one kind out, with all that belongs to it."
        for name, why in NOT_FOR_MANY.items()
        if given.get(name)
    ]
    url = str(given.get("PUBLIC_URL") or "")
    if url.startswith("http://") and not _is_this_machine(url):
        problems.append("PUBLIC_URL: must begin with https://, as Slack sends people nowhere else.")
    if problems:
        raise ValidationError(problems)


def _is_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
