"""Every command, action, form and shortcut id. Each has exactly one listener."""

from enum import StrEnum

COMMAND = "/social"


class Act(StrEnum):
    """``action_id`` of buttons, menus and inputs that act at once."""

    # desk and Home
    OPEN_DRAFT = "open_draft"
    OPEN_QUEUE = "open_queue"
    OPEN_MENTIONS = "open_mentions"
    OPEN_DIGEST = "open_digest"
    OPEN_CONNECT = "open_connect"
    OPEN_SLOTS = "open_slots"
    OPEN_TEAM = "open_team"
    OPEN_SETUP = "open_setup"
    CONTINUE_DRAFT = "continue_draft"
    DROP_DRAFT = "drop_draft"
    # the draft form
    DRAFT_TEXT = "draft_text"
    DRAFT_ACCOUNTS = "draft_accounts"
    DRAFT_LINK = "draft_link"
    DRAFT_PICTURES = "draft_pictures"
    DRAFT_KEPT = "draft_kept"
    DRAFT_WHEN = "draft_when"
    DRAFT_AT = "draft_at"
    DRAFT_WORDS = "draft_words"
    DRAFT_TAILOR = "draft_tailor"
    DRAFT_CHECK = "draft_check"
    DRAFT_ANEW = "draft_anew"
    TAILOR_TEXT = "tailor_text"
    TAILOR_ALT = "tailor_alt"
    TAILOR_CHECK = "tailor_check"
    # the approval card
    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    POST_MENU = "post_menu"
    EDIT_POST = "edit_post"
    TAKE_DOWN = "take_down"
    RETRY = "retry"
    IS_LIVE = "is_live"
    IS_NOT_LIVE = "is_not_live"
    OPEN_LINK = "open_link"
    OPEN_POST = "open_post"
    NEXT_FREE = "next_free"
    # many at once
    OPEN_REVIEW = "open_review"
    REVIEW_CHANGES = "review_changes"
    REVIEW_REJECT = "review_reject"
    REVIEW_SKIP = "review_skip"
    REVIEW_BACK = "review_back"
    REVIEW_TIME = "review_time"
    REVIEW_NEVER = "review_never"
    REVIEW_DAILY = "review_daily"
    # the queue
    QUEUE_MENU = "queue_menu"
    # forms of single inputs
    COMMENT = "comment"
    WHEN = "when"
    AT = "at"
    WORDS = "words"
    # accounts
    CONNECT_NETWORK = "connect_network"
    CONNECT_FIELD = "connect_field"
    ACCOUNT_MENU = "account_menu"
    RECONNECT = "reconnect"
    SLOTS_ACCOUNT = "slots_account"
    SLOTS_DAYS = "slots_days"
    SLOTS_TIMES = "slots_times"
    # set-up and team
    SETUP_MODE = "setup_mode"
    SETUP_APPROVALS = "setup_approvals"
    SETUP_ALERTS = "setup_alerts"
    SETUP_ROUTE = "setup_route"
    SETUP_WORDS = "setup_words"
    SETUP_ZONE = "setup_zone"
    SETUP_LATENESS = "setup_lateness"
    TEAM_PERSON = "team_person"
    TEAM_ROLES = "team_roles"
    # mentions
    MENTION_REPLY = "mention_reply"
    MENTION_ROUTE = "mention_route"
    MENTION_MENU = "mention_menu"
    REPLY_TEXT = "reply_text"
    REPLY_RESOLVES = "reply_resolves"
    REPLY_CHECK = "reply_check"
    MENTIONS_MENU = "mentions_menu"
    MENTIONS_PREVIOUS = "mentions_previous"
    MENTIONS_NEXT = "mentions_next"
    DOUBTFUL_MENU = "doubtful_menu"
    DOUBTFUL_DISMISS = "doubtful_dismiss"
    WATCH_MENU = "watch_menu"
    WATCH_TEXT = "watch_text"
    # digests
    DIGEST_MENU = "digest_menu"
    # the brake
    OPEN_PAUSE = "open_pause"
    OPEN_RESUME = "open_resume"
    PAUSE_WHERE = "pause_where"
    PAUSE_REASON = "pause_reason"
    RESUME_BRAKES = "resume_brakes"
    RESUME_HELD = "resume_held"
    # what is held
    OPEN_HELD = "open_held"
    HELD_MENU = "held_menu"
    HELD_NOW = "held_now"
    HELD_NEXT_FREE = "held_next_free"
    HELD_AS_ASKED = "held_as_asked"
    HELD_DROP = "held_drop"
    HELD_PREVIOUS = "held_previous"
    HELD_NEXT = "held_next"


class Form(StrEnum):
    """``callback_id`` of modals."""

    DRAFT = "draft"
    TAILOR = "tailor"
    COMMENT = "comment_form"
    RESCHEDULE = "reschedule"
    LIVE_LINK = "live_link"
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    SLOTS = "slots"
    SETUP = "setup"
    TEAM = "team"
    REPLY = "reply"
    WATCH = "watch"
    PAUSE = "pause"
    RESUME = "resume"
    REVIEW = "review"
    POST = "post"  # a post's card in a modal
    MESSAGE = "message"  # only shows something


class Shortcut(StrEnum):
    """``callback_id`` of message shortcuts."""

    MAKE_POST = "make_post"
