"""The tree of errors.

    SocialdeskError
    ├── UserError              for the person: its text is shown to them as it is
    │   ├── FieldErrors        several of them, each beside the field of a form it belongs to
    │   ├── NotAllowed         the person's role doesn't cover the action
    │   ├── AlreadyDone        somebody was first: says who and when
    │   ├── NotFound           what the button or command named is not there (any more)
    │   └── NotSetUp           the workspace isn't ready for this yet: says what is missing
    ├── SettingsError          for the operator: every wrong setting at once
    ├── AlreadyRunning         for the operator: another process has the data
    └── NetworkError           from a social network or a feed's server
        ├── Rejected           it refused the content: trying again won't help
        ├── Expired            it refused the account's credentials: reconnect
        ├── RateLimited        it asks to wait until a given time
        ├── Unavailable        it isn't there just now, and nothing was sent: try again
        │   ├── Garbled        something answered, but not as this network does
        │   └── UploadsGone    it dropped the pictures meanwhile: upload them again
        └── Uncertain          the request left and no clear answer came back

Anything else that is raised is a bug, and gets a reference id.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime


class SocialdeskError(Exception):
    """Everything this product raises on purpose."""


class UserError(SocialdeskError):
    """What the person did can't be done as asked. The text says why and what to do next."""


class FieldErrors(UserError):
    """What is wrong in a form, by the field's name (see the form's view for the names)."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class NotAllowed(UserError):
    """The person has no role that covers this."""


class AlreadyDone(UserError):
    """Somebody else was first, or the same press came twice.

    :param by: the Slack id of who was first, if one person was.
    :param did: what they did ("approved it").
    :param at: when (UTC).
    """

    def __init__(
        self, text: str, *, by: str | None = None, did: str = "", at: datetime | None = None
    ) -> None:
        super().__init__(text)
        self.by = by
        self.did = did
        self.at = at


class NotFound(UserError):
    """What was named isn't there (any more)."""


class NotSetUp(UserError):
    """The workspace's set-up isn't finished."""


class SettingsError(SocialdeskError):
    """One or more settings are missing or wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class AlreadyRunning(SocialdeskError):
    """Another process has the data that only one may have. The text says which and what to do."""


class NetworkError(SocialdeskError):
    """A network's answer, or its silence, in words for people.

    :param reason: the network's own reason in plain words, without secrets.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rejected(NetworkError):
    """The network refused the content for good."""


class Expired(NetworkError):
    """The network refused the account's credentials."""


class RateLimited(NetworkError):
    """The network asks to wait until ``until`` (UTC)."""

    def __init__(self, reason: str, *, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


class Unavailable(NetworkError):
    """The network can't take it now, and it is certain that nothing was accepted."""


class Uncertain(NetworkError):
    """The request may or may not have been accepted."""
