"""Bluesky (AT Protocol): https://docs.bsky.app, lexicons ``com.atproto`` and ``app.bsky``.

A post's record key is chosen here and its record settled before the first attempt, so sending it
again can have no second effect: ``putRecord`` with ``swapRecord: null`` only ever creates. What
must be known for certain is asked of the account's own server (PDS); notifications and numbers
come through it from Bluesky's AppView.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import httpx

from bot.counting import FacetKind, facets, graphemes, utf8_bytes
from bot.errors import (
    Expired,
    FieldErrors,
    NetworkError,
    Rejected,
    Unavailable,
    Uncertain,
    UserError,
)
from bot.networks.base import (
    Connected,
    ConnectField,
    Heard,
    Limits,
    Listens,
    Measured,
    Measures,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Publishes,
    Session,
    Setting,
    Uncertainty,
    UploadsGone,
)
from bot.networks.bluesky_api import LABEL, WEB, Api, Closed, Refused, post_url, text_in, tokens
from bot.networks.bluesky_inbox import listen, measure
from bot.networks.http import Client, Garbled, clean, origin_of, server_address
from bot.networks.pictures import fit_picture

POST_TYPE = "app.bsky.feed.post"
_TEXT_BYTES = 3000
_TAG_BYTES = 640
_UPLOAD_BYTES = 1_000_000  # newer servers take 2,000,000

_TID_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"


class Bluesky(Network, Publishes, Listens, Measures):
    name = "bluesky"
    label = LABEL
    limits = Limits(
        text=300,
        pictures=4,
        picture_bytes=20_000_000,  # made smaller before they are uploaded
        picture_kinds=("image/jpeg", "image/png", "image/webp"),
        alt=2000,
    )
    threads = True
    settings = (
        Setting("BLUESKY_URL", "https://bsky.social", "Server that Bluesky accounts log in at"),
    )
    connect_fields = (
        ConnectField("handle", "Handle", "The full handle.", "bakery.bsky.social"),
        ConnectField(
            "password",
            "App password",
            "Made on Bluesky under Settings, Privacy and security, App passwords.",
            "xxxx-xxxx-xxxx-xxxx",
            secret=True,
        ),
        ConnectField(
            "server",
            "Server",
            "Only if the account isn't kept at Bluesky itself.",
            "https://pds.example.org",
            optional=True,
        ),
    )
    connect_help = (
        "Use an app password, not the account's own: it can be withdrawn on Bluesky at any time."
    )

    uncertainty: ClassVar[Uncertainty] = Uncertainty.SAME_KEY
    grace: ClassVar[timedelta] = timedelta(seconds=5)
    key_life: ClassVar[timedelta | None] = None

    def __init__(
        self,
        client: Client,
        settings: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(client, settings, now)
        self._api = Api(client, now)
        self._home = origin_of(settings["BLUESKY_URL"])
        self._last_tid = 0

    def count(self, text: str) -> int:
        """In grapheme clusters: what a reader takes for one character."""
        return graphemes(text)

    def text_problems(self, text: str, limits: Limits) -> list[str]:
        problems = super().text_problems(text, limits)
        over = utf8_bytes(text) - _TEXT_BYTES
        if over > 0 and not problems:
            problems.append(f"{over} bytes over {LABEL}'s limit of {_TEXT_BYTES:,} bytes.")
        return problems

    # connecting

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        handle = clean(fields.get("handle", "")).removeprefix("@").lower()
        password = clean(fields.get("password", ""))
        server = fields.get("server", "").strip()
        self._check_fields(handle, password)
        server = server_address(server, trusted=(self._home,)) if server else self._home
        await self._check_server(server)
        data = await self._log_in(server, handle, password)
        try:
            did, handle = text_in(data, "did"), text_in(data, "handle")
            credentials = {"service": self._own_server(server, data), **tokens(data)}
        except Garbled as error:
            raise UserError(f"Tried to log in at {server}: {error.reason}") from error
        return Connected(
            remote_id=did,
            handle=handle,
            name=await self._display_name(credentials, did) or handle,
            url=f"{WEB}/profile/{handle}",
            server=credentials["service"],
            credentials=credentials,
            limits={},
        )

    def _check_fields(self, handle: str, password: str) -> None:
        problems: dict[str, str] = {}
        if not handle:
            problems |= {"handle": "Type the account's handle."}
        elif "." not in handle and ":" not in handle:
            problems |= {"handle": f"Type the full handle, for example {handle}.bsky.social."}
        if not password:
            problems |= {"password": "Type an app password."}
        if problems:
            raise FieldErrors(problems)

    async def _check_server(self, server: str) -> None:
        """Nothing secret is sent to a server before it has said that it is one."""
        try:
            said = await self._api.open(server, "GET", "com.atproto.server.describeServer")
            text_in(said, "did")
        except (Rejected, Expired, Garbled) as error:
            raise UserError(f"There is no {LABEL} server at {server}: {error.reason}") from error

    async def _log_in(self, server: str, handle: str, password: str) -> dict[str, Any]:
        try:
            data = await self._api.open(
                server,
                "POST",
                "com.atproto.server.createSession",
                json={"identifier": handle, "password": password},
                secrets=(password,),
            )
        except Closed as error:
            raise UserError(f"Tried to log in as {handle}: {error.reason}") from error
        except (Rejected, Expired, Garbled) as error:
            raise UserError(
                f"Tried to log in at {server} as {handle}: {error.reason} Check the handle and"
                " the app password."
            ) from error
        if data.get("active") is False:
            raise UserError(
                f"{LABEL} says that {handle} is {clean(str(data.get('status')))}: it can't post."
            )
        return data

    def _own_server(self, server: str, data: Mapping[str, Any]) -> str:
        """The account's PDS as its DID document names it, if it can be used.

        A server that the operator's setting puts on this machine speaks for itself: behind a
        proxy or in a container the address in the document may lead nowhere.
        """
        if httpx.URL(server).host in ("127.0.0.1", "localhost", "::1"):
            return server
        try:
            services = data["didDoc"]["service"]
            named = next(each for each in services if each["id"].endswith("#atproto_pds"))
            return server_address(named["serviceEndpoint"])
        except (KeyError, TypeError, AttributeError, StopIteration, UserError):
            return server

    async def _display_name(self, credentials: Mapping[str, Any], did: str) -> str:
        """The profile's name, empty if there is none; it isn't worth failing for."""
        try:
            data = await self._api.open(
                credentials["service"],
                "GET",
                "com.atproto.repo.getRecord",
                params={"repo": did, "collection": "app.bsky.actor.profile", "rkey": "self"},
            )
        except NetworkError:
            return ""
        profile = data.get("value")
        name = profile.get("displayName") if isinstance(profile, dict) else None
        return clean(name) if isinstance(name, str) else ""

    # publishing

    def new_key(self, now: datetime) -> str:
        """A TID: microseconds and a random clock id in 13 sortable digits. Servers refuse other
        keys; one object never gives the same one twice."""
        wanted = (int(now.timestamp() * 1_000_000) << 10) | secrets.randbelow(1024)
        self._last_tid = number = max(wanted, self._last_tid + 1)
        return "".join(_TID_DIGITS[number >> shift & 31] for shift in range(60, -1, -5))

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        fitted = await asyncio.to_thread(fit_picture, picture.data, _UPLOAD_BYTES)
        data = await self._api.call(
            session,
            "POST",
            "com.atproto.repo.uploadBlob",
            content=fitted.data,
            headers={"Content-Type": fitted.mime},
        )
        if not isinstance(data.get("blob"), dict):
            raise Garbled(f"{LABEL} took the picture but didn't say where it is.")
        return {"blob": data["blob"], "width": fitted.width, "height": fitted.height}

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        record: dict[str, Any] = {
            "$type": POST_TYPE,
            "text": post.text,
            "createdAt": _timestamp(self._created_at(post)),
        }
        if post.language:
            record["langs"] = [post.language]
        if found := await self._facets(session, post.text):
            record["facets"] = found
        if post.reply_to:
            record["reply"] = {key: dict(post.reply_to[key]) for key in ("root", "parent")}
        if post.pictures:
            images = [
                {
                    "image": each.result["blob"],
                    "alt": each.alt,
                    "aspectRatio": {key: each.result[key] for key in ("width", "height")},
                }
                for each in post.pictures
            ]
            record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
        return {"record": record}

    def _created_at(self, post: Outgoing) -> datetime:
        """Now, but not before its promised time, and later than the post of ours that it follows,
        whatever the clock did meanwhile: readers get an author's posts in the order of these."""
        moments = [self._now()]
        if post.not_before is not None:
            moments.append(post.not_before)
        if before := (post.reply_to or {}).get("created_at"):
            moments.append(datetime.fromisoformat(before) + timedelta(milliseconds=1))
        return max(moments)

    async def _facets(self, session: Session, text: str) -> list[dict[str, Any]]:
        """Links, tags and the mentions of people that exist, as byte ranges of the text."""
        result = []
        for facet in facets(text):
            feature = {"$type": f"app.bsky.richtext.facet#{facet.kind}"}
            if facet.kind is FacetKind.MENTION:
                did = await self._did_of(session, facet.value)
                if did is None:
                    continue
                feature["did"] = did
            elif facet.kind is FacetKind.LINK:
                feature["uri"] = facet.value
            elif utf8_bytes(facet.value) > _TAG_BYTES:
                continue
            else:
                feature["tag"] = facet.value
            index = {"byteStart": facet.byte_start, "byteEnd": facet.byte_end}
            result.append({"index": index, "features": [feature]})
        return result

    async def _did_of(self, session: Session, handle: str) -> str | None:
        try:
            data = await self._api.call(
                session,
                "GET",
                "com.atproto.identity.resolveHandle",
                params={"handle": handle},
            )
        except Refused:
            return None  # nobody has this handle: it stays text
        return text_in(data, "did")

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        body = {
            "repo": session.account.remote_id,
            "collection": POST_TYPE,
            "rkey": key,
            "record": prepared["record"],
            "swapRecord": None,
        }
        try:
            data = await self._api.call(
                session, "POST", "com.atproto.repo.putRecord", effect=True, json=body
            )
        except Refused as refusal:
            if refusal.code == "InvalidSwap":
                return await self._already_out(session, key, prepared)
            if refusal.code == "BlobNotFound":
                raise UploadsGone(refusal.reason) from refusal
            raise
        if data.get("uri") != _uri(session, key):
            raise Uncertain(f"{LABEL} answered, but not that the post is out.")
        try:
            return _published(session, key, data, prepared["record"])
        except Garbled as error:
            raise Uncertain(error.reason) from error

    async def _already_out(
        self, session: Session, key: str, prepared: Mapping[str, Any]
    ) -> Published:
        """An earlier attempt got through; make sure that it is this very post."""
        try:
            kept = await self._kept(session, key)
            if kept is None or kept.get("value") != prepared["record"]:
                raise Rejected(f"Another post is on {LABEL} under this one's key.")
            return _published(session, key, kept, prepared["record"])
        except Unavailable as error:
            raise Uncertain(error.reason) from error

    async def find(
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        kept = await self._kept(session, key)
        return None if kept is None else _published(session, key, kept, prepared["record"])

    async def _kept(self, session: Session, key: str) -> Mapping[str, Any] | None:
        """What the server keeps under the key: uri, cid and value."""
        params = {"repo": session.account.remote_id, "collection": POST_TYPE, "rkey": key}
        try:
            return await self._api.call(session, "GET", "com.atproto.repo.getRecord", params=params)
        except Refused as refusal:
            if refusal.code == "RecordNotFound":
                return None
            raise

    async def delete(self, session: Session, remote_id: str) -> None:
        body = {
            "repo": session.account.remote_id,
            "collection": POST_TYPE,
            "rkey": remote_id.rpartition("/")[2],
        }
        await self._api.call(session, "POST", "com.atproto.repo.deleteRecord", json=body)

    # listening and measuring

    async def listen(self, session: Session, cursor: str | None) -> Heard:
        return await listen(self._api, session, cursor, self._now())

    async def measure(self, session: Session, remote_ids: Sequence[str]) -> Measured:
        return await measure(self._api, session, remote_ids)


def _published(
    session: Session, key: str, answer: Mapping[str, Any], record: Mapping[str, Any]
) -> Published:
    """:raises Garbled: the answer lacks what a reply must name."""
    uri = _uri(session, key)
    itself = {"uri": uri, "cid": text_in(answer, "cid")}
    root = record["reply"]["root"] if "reply" in record else itself
    reply_to = {"root": root, "parent": itself, "created_at": record["createdAt"]}
    return Published(uri, post_url(uri), reply_to)


def _uri(session: Session, key: str) -> str:
    return f"at://{session.account.remote_id}/{POST_TYPE}/{key}"


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
