"""Sandbox's words: its limits, its records, and how the numbers of a post grow."""

import hashlib
import io
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import regex
from PIL import Image, UnidentifiedImageError

TEXT_LIMIT = 300
PICTURE_LIMIT = 4
PICTURE_BYTES = 5_000_000
PICTURE_KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
ALT_LIMIT = 1_000
KEY_LIFE = timedelta(hours=24)
TOKEN_LIFE = timedelta(days=30)
READING_PACE = timedelta(minutes=40)  # after this, 63 % of a post's readers have seen it
MENTION = regex.compile(r"(?<![\w@/])@([a-z0-9_]{1,30})", regex.IGNORECASE)


class Refused(Exception):
    """What Sandbox answers when it says no: an HTTP status, a code and words.

    :param wait_s: after how many seconds it may be tried again, where waiting helps.
    """

    def __init__(self, status: int, code: str, message: str, wait_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Person:
    handle: str
    name: str
    bio: str
    hue: int
    followers: int
    following: int
    posts: int

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper()


@dataclass(frozen=True, slots=True)
class Picture:
    id: str
    mime: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Post:
    """A post as it is at one moment: the numbers grow while it is read.

    ``answered`` is who wrote the post that it replies to; ``root`` is its conversation's first.
    """

    id: int
    author: str
    text: str
    reply_to: int | None
    answered: str | None
    root: int
    created_at: datetime
    pictures: tuple[Picture, ...]
    likes: int
    reposts: int
    replies: int
    reads: int


@dataclass(frozen=True, slots=True)
class Notification:
    id: int
    kind: str  # "mention" or "reply"
    post: Post


def graphemes(text: str) -> int:
    """How many characters a reader sees."""
    return len(regex.findall(r"\X", text))


def readers(post_id: int, author: str, age: timedelta) -> tuple[int, int, int]:
    """Reads, likes and reposts of people who aren't named: the same at the same age, every time."""
    seed = hashlib.blake2b(f"{author}/{post_id}".encode(), digest_size=3).digest()
    seen = 1 - math.exp(-max(age, timedelta(0)) / READING_PACE)
    reads = 40 + seed[0] // 2
    likes = 5 + seed[1] % 20
    reposts = 1 + seed[2] % 5
    return int(reads * seen), int(likes * seen), int(reposts * seen)


def look_at(data: bytes) -> tuple[str, int, int]:
    """MIME type, width and height, as the bytes say."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.verify()
            kind, (width, height) = picture.format or "", picture.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Refused(422, "no_picture", "This file is no picture we can read.") from error
    if kind not in PICTURE_KINDS:
        raise Refused(422, "picture_kind", "A picture must be a JPEG, PNG, GIF or WebP.")
    return PICTURE_KINDS[kind], width, height


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
