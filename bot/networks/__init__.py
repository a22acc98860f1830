"""The networks there are: add yours to this list (see CONTRIBUTING.md)."""

from bot.networks.base import Network
from bot.networks.bluesky import Bluesky
from bot.networks.sandbox import Sandbox

NETWORKS: tuple[type[Network], ...] = (Bluesky, Sandbox)
