"""All that is Slack: what comes in, what goes out."""

from collections.abc import Mapping

from handlers import (
    approvals,
    brake,
    campaign_roles,
    changes,
    comments,
    connect,
    desk,
    destinations,
    digests,
    drafting,
    held,
    home,
    inbox,
    installations,
    leaving,
    mentions,
    outcomes,
    policies,
    queue,
    record,
    reviews,
    setup,
    shared_channels,
    suggestions,
    team,
    trouble,
    user_groups,
    watches,
)
from handlers.inbound import Desk
from handlers.notices import Renderer
from handlers.pictures import Pictures
from handlers.post_modal import PostModal
from handlers.rescheduling import Rescheduling
from storage.records import Card


def register(desk_: Desk) -> Mapping[Card, Renderer]:
    """Every feature registers what it listens to; gives the cards that can be owed."""
    services = desk_.services
    pictures = Pictures(services.database, services.media, services.clock)
    draft_form = drafting.register(desk_, pictures)
    rescheduling = Rescheduling(desk_)
    post_modal = PostModal(desk_, pictures)
    queue.register(desk_, draft_form, rescheduling, post_modal)
    connecting = connect.register(desk_)
    setup.register(desk_, connecting)
    shared_channels.register(desk_)
    team.register(desk_)
    policies.register(desk_)
    user_groups.register(desk_)
    campaign_roles.register(desk_)
    home.register(desk_)
    installations.register(desk_)
    held_posts, held_cards = held.register(desk_)
    cards = {
        **approvals.register(desk_, post_modal, draft_form, rescheduling),
        **changes.register(desk_),
        **suggestions.register(desk_),
        **reviews.register(desk_, post_modal),
        **inbox.register(desk_),
        **trouble.register(desk_),
        **held_cards,
        **brake.register(desk_, held_posts),
        **mentions.register(desk_),
        **digests.register(desk_, pictures),
        **destinations.register(desk_),
        **leaving.register(desk_),
    }
    comments.register(desk_)
    outcomes.register(desk_)
    watches.register(desk_)
    record.register(desk_)
    desk.register(desk_)
    desk_.listen()
    return cards
