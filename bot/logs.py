"""What is logged: ours at the level that is set, the libraries' never below WARNING.

At DEBUG slack_sdk writes down whole requests (a form with a password in it), aiosqlite every value
that is kept, httpx and APScheduler a line for each request and each alarm.
"""

import logging

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
OURS = ("bot", "handlers", "storage")


def configure(level: str) -> None:
    """Log to the console from here on.

    :param level: LOG_LEVEL.
    """
    logging.basicConfig(level=logging.WARNING, format=FORMAT)
    set_levels(level)


def set_levels(level: str) -> None:
    """Without touching where it goes."""
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in OURS:
        logging.getLogger(name).setLevel(level)
