"""What somebody said about us: a mention that needs an answer, made up."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from storage.records import Mention, MentionKind, MentionState, Sentiment, Urgency
from storage.rows import new_id


def a_mention(workspace_id: str, at: datetime, **new: Any) -> Mention:
    """A complaint, said and heard at that time, which nobody has touched.

    :param new: what is different.
    """
    mention_id = new_id()
    made = Mention(
        id=mention_id,
        workspace_id=workspace_id,
        source="source",
        kind=MentionKind.MENTION,
        account_id=None,
        remote_id=mention_id,
        author="@mia",
        author_name="Mia",
        text="It broke.",
        url="https://s.example/1",
        reply_to={},
        posted_at=at,
        seen_at=at,
        sentiment=Sentiment.NEGATIVE,
        score=0.9,
        language="en",
        reasons=(),
        urgency=Urgency.ALERT,
        state=MentionState.OPEN,
        owner_id=None,
        route=None,
        answer_due_at=at + timedelta(hours=12),
        solve_due_at=at + timedelta(hours=24),
        answered_at=None,
        solved_at=None,
        resolve_with=None,
        continues=None,
        listed_in=None,
        version=1,
    )
    return replace(made, **new)
