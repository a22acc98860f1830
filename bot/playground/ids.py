"""Fresh ids in Slack's form."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_uppercase + string.digits


def new_id(prefix: str) -> str:
    """An id of eleven letters and digits that starts with ``prefix``."""
    return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(10 - len(prefix)))


def short_key(length: int = 5) -> str:
    """Letters and digits as Slack makes up for a block without a block_id."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(length))
