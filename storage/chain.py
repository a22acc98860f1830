"""The chain of a workspace's record: what makes a changed entry visible.

Each entry's hash is the SHA-256, in hexadecimal, over the UTF-8 bytes of one JSON array without
spaces, in which every character beyond ASCII is written as ``\\uXXXX``:

    ["socialdesk record 1", BEFORE, workspace_id, seq, id, at, actor_id, action, subject_id,
     revision_id, detail, origin]

``BEFORE`` is the hash of the entry with the next lower ``seq``, and empty for the first; ``at`` is
in UTC with microseconds (``2026-11-27T09:00:00.000000Z``); what isn't there is ``null``. This form
never changes: another one would be another number in its first member.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC
from hashlib import sha256

from storage.records import HistoryEntry

FORM = "socialdesk record 1"
NOTHING_BEFORE = ""


def hash_of(entry: HistoryEntry, before: str) -> str:
    """An entry's hash.

    :param before: the hash of the one before it.
    """
    return sha256(canonical(entry, before)).hexdigest()


def canonical(entry: HistoryEntry, before: str) -> bytes:
    """The bytes that the hash covers."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return json.dumps(
        [
            FORM,
            before,
            entry.workspace_id,
            entry.seq,
            entry.id,
            at,
            entry.actor_id,
            entry.action,
            entry.subject_id,
            entry.revision_id,
            entry.detail,
            entry.origin,
        ],
        separators=(",", ":"),
    ).encode()


@dataclass(slots=True)
class Links:
    """Where a chain ends, while it grows or is read again.

    :param seq: of its newest entry; 0: there is none.
    """

    seq: int = 0
    hash: str = NOTHING_BEFORE

    def add(self, entry: HistoryEntry) -> HistoryEntry:
        """The entry as the chain's newest."""
        numbered = replace(entry, seq=self.seq + 1)
        self.hash = hash_of(numbered, self.hash)
        self.seq += 1
        return replace(numbered, hash=self.hash)

    def broken_at(self, entry: HistoryEntry) -> str | None:
        """Read the next entry; what is wrong with it in words, None: it is as it was written."""
        expected = self.seq + 1
        if entry.seq != expected:
            missing = f"entry {expected} is missing"
            last = (entry.seq or 0) - 1
            return missing if last <= expected else f"entries {expected} to {last} are missing"
        if entry.hash != hash_of(entry, self.hash):
            return f"entry {entry.seq} isn't as it was written"
        self.seq, self.hash = expected, entry.hash
        return None
