"""The networks there are: add yours to this list (see CONTRIBUTING.md)."""

from bot.networks.base import Network

NETWORKS: tuple[type[Network], ...] = ()
