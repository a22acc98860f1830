"""The pages that a browser shows after *Add to Slack*: small, plain HTML."""

from html import escape
from urllib.parse import urlencode

PROBLEMS = {
    "access_denied": (
        "Nothing was installed",
        "You, or somebody who has to agree, said no on Slack's page.",
    ),
    "invalid_browser": (
        "Nothing was installed",
        "This browser didn't begin the installation, or doesn't keep cookies.",
    ),
    "invalid_state": (
        "Nothing was installed",
        "This page was used before, or you took longer than ten minutes.",
    ),
    "missing_code": ("Nothing was installed", "Slack's answer was incomplete."),
    "invalid_code": (
        "Nothing was installed",
        "Slack refused to give the token. Its code is good once, for ten minutes; if a second try "
        "ends here too, whoever runs Socialdesk finds Slack's reason in the log.",
    ),
    "unreachable": ("Nothing was installed", "Slack can't be reached just now."),
}
OTHER = ("Nothing was installed", "Slack's page ended in a way that Socialdesk doesn't know.")
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def installed_page(app_id: str, team_id: str | None, name: str) -> str:
    """It worked; what comes next."""
    asked = {"app": app_id, **({"team": team_id} if team_id else {})}
    link = f"https://slack.com/app_redirect?{urlencode(asked)}"
    return _page(
        "Socialdesk is installed",
        f"It is in <b>{escape(name)}</b> now. Open it in Slack, tab Home, and set it up: it takes "
        "two minutes. You can, and so can the owners and admins of the workspace.",
        f'<a href="{escape(link)}">Open Slack</a>',
    )


def problem_page(reason: str, install_path: str) -> str:
    """It didn't; what to do.

    :param reason: Bolt's or Slack's name for it; it comes from an address, so it isn't shown.
    """
    title, text = PROBLEMS.get(reason, OTHER)
    return _page(title, escape(text), _again(install_path))


def failed_page(reference: str, install_path: str) -> str:
    """A bug, or the database's trouble.

    :param reference: what the log has it under.
    """
    text = (
        "Something went wrong here, so it isn't certain whether Socialdesk is installed. "
        f"Installing it again is harmless. {reference}"
    )
    return _page("That didn't work", escape(text), _again(install_path))


def _again(install_path: str) -> str:
    return f'<a href="{escape(install_path)}">Add to Slack</a> again'


def _page(title: str, text: str, action: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title>"
        "<style>body{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:4em auto;"
        "padding:0 1em;color:#1d1c1d}a{color:#0b6e63;font-weight:600}</style>"
        f"<h1>{title}</h1><p>{text}</p><p>{action}</p></html>"
    )
