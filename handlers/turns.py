"""What people do in one open form is worked on in the order in which it came."""

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """A lock for each form, for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, form_id: str) -> asyncio.Lock:
        """To be held while something is done with what is in the form."""
        return self._locks.setdefault(form_id, asyncio.Lock())
