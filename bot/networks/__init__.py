"""The networks there are: add yours to this list (see CONTRIBUTING.md)."""

from bot.networks.base import Network
from bot.networks.bluesky import Bluesky
from bot.networks.mastodon import Mastodon
from bot.networks.sandbox import Sandbox

NETWORKS: tuple[type[Network], ...] = (Bluesky, Mastodon, Sandbox)
