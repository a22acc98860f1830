"""What customers say when something is wrong, for the parts that VADER's lexicon doesn't know.

Weights are on VADER's scale, -4 (very bad) to 4 (very good). ``WORDS`` and ``EMOJI`` go into
its lexicon, so that negation ("no longer crashes"), emphasis and capitals count as they do
there. ``PHRASES`` are found first and weigh as one word; a phrase may hold its own "not".
Common sense and our own sentences (tests/unit/care_sentences.py), no foreign data.
"""

WORDS: dict[str, float] = {
    # it doesn't work
    **dict.fromkeys(("crash", "crashes", "crashing", "crashed", "freezes", "freezing"), -2.2),
    **dict.fromkeys(("broke", "broken", "breaks", "faulty", "unusable", "leaks", "leaking"), -2.2),
    **dict.fromkeys(("outage", "outages", "bug", "bugs", "buggy", "glitch", "glitchy"), -1.8),
    **dict.fromkeys(("error", "errors", "overheats", "laggy", "unreliable"), -1.6),
    # money and delivery
    **dict.fromkeys(("overcharged", "rip-off", "ripoff", "overpriced"), -2.5),
    **dict.fromkeys(("undelivered", "delayed", "damaged", "defective"), -1.8),
    # how we treated them
    **dict.fromkeys(("unanswered", "ignored", "ignores", "ghosted", "clueless"), -2.0),
    **dict.fromkeys(("unsubscribing", "unhelpful", "unacceptable", "appalling"), -2.4),
    # a department, a request, a price: no praise where people write to a company
    **dict.fromkeys(("support", "help", "care", "please", "pay"), 0.0),
    # it is well again
    **dict.fromkeys(("fixed", "sorted", "solved", "resolved", "fixes"), 1.6),
}

EMOJI: dict[str, float] = {
    **dict.fromkeys("🤬👎🤮", -2.8),
    **dict.fromkeys("😡😠👿💩", -2.5),
    **dict.fromkeys("😤😖😫😩🤡💔", -1.9),
    **dict.fromkeys("😒😞😢😭😣☹🙁🤦", -1.7),
    **dict.fromkeys("🙄😑😕", -1.3),
    **dict.fromkeys("👍👏💪🙌", 1.8),
    **dict.fromkeys("❤💖💚💙🥰😍🤩🎉", 2.6),
}

_NOT = r"(?:not|never|n't|nt|no)"
_HELP = r"(?:answers?|reply|replies|response|help|update|news|reaction)"
_ORDER = r"(?:order|parcel|package|delivery|refund|money|item|reply|account|ticket|stuff)"
_TIME = r"(?:minutes|hours?|days?|weeks?|months?|years?|ages|forever)"
_USE = r"(?:log ?in|sign in|access|reach|pay|use)"

PHRASES: tuple[tuple[str, float], ...] = (
    # they wait
    (r"still (?:\w+ ){0,2}(?:waiting|no|nothing|pending)", -2.2),
    (rf"(?:been )?waiting (?:\w+ ){{0,5}}{_TIME}", -2.0),
    (rf"\w*{_NOT} (?:\w+ )?(?:arrived?|shipped|delivered|show up|shown up|turn up)", -2.2),
    (r"no[- ]?show", -2.0),
    (rf"where(?: i|'?)s (?:the |my |our )(?:\w+ )?{_ORDER}", -2.2),
    (rf"on hold(?: for)?(?: \w+)? {_TIME}|{_TIME} on (?:hold|the phone)", -2.2),
    (r"(?:was|were) due (?:last|on|yesterday|\w+ (?:days|weeks) ago)", -1.6),
    # nobody answers
    (rf"\bno (?:\w+ )?{_HELP}|without (?:an? |any )?{_HELP}", -2.2),
    (r"(?:no ?body|no one|none of you) (?:\w+ ){0,2}(?:repl\w+|answers?|cares?|helps?|tell)", -2.2),
    (r"ignor(?:e|es|ing) (?:me|us|people|customers|my|our)", -2.4),
    (r"(?:talk|speak) to a (?:human|person|real)|in circles|fobbed off", -1.9),
    # it doesn't work
    (rf"\w*{_NOT} (?:work|works|working|load|loading|open|start|connect|fit)\b", -2.2),
    (r"stop(?:s|ped) working|(?:is|are|went|been|was) down\b", -2.2),
    (rf"(?:can'?t|can ?not|unable to) (?:even )?{_USE}", -2.2),
    (r"locked out|(?:account|card) (?:was|is|got|has been) blocked|keeps? failing", -2.0),
    (r"(?:falls?|fell|falling) (?:apart|to pieces)|came off|(?:is|are|were|\w+) missing\b", -1.9),
    (r"(?:delet|wip|los)(?:ed|es|t) (?:all )?(?:my|our)", -2.0),
    (r"wrong (?:\w+ )?(?:size|item|colou?r|order|product|address|one)", -1.9),
    (r"used to be (?:better|good|great)|(?:not|n't) what it used to be|going downhill", -1.8),
    # money
    (r"charged? (?:me |us )?(?:twice|double|again|for nothing)|(?:double|twice) charged", -2.5),
    (r"still (?:\w+ )?(?:charg|bill)\w+|hidden (?:fees?|costs?)", -2.3),
    (r"took my money|(?:want|need|give me|get) (?:my|our) money back", -2.3),
    (r"waste of (?:\w+ )?(?:money|time)|(?:save|wasted?) (?:your|my) (?:money|time)", -2.6),
    # they leave, or warn others
    (r"never (?:\w+ )?(?:order|buy|us|book|shop|com)\w*(?: \w+){0,2} again", -2.8),
    (r"(?:do not|don'?t|never) (?:buy|order|bother|trust)|stay away|avoid (?:this|these)", -2.6),
    (r"how (?:do|can) (?:i|we) cancel|cancel+ing my", -1.6),
    (r"thanks for nothing|(?:is|what) an? (?:absolute |complete |total )?(?:joke|mess)", -2.6),
    (r"(?:are you|you are|you're) (?:kidding|joking)|how hard (?:can|is)", -2.0),
    # once more
    (r"(?:third|fourth|fifth|[3-9]\w\w|second|2nd) (?:time|one) (?:\w+ )?(?:this|my|in|i)\b", -1.6),
    (r"(?:down|broken|late|gone|wrong|crashed|failed) again", -2.5),
    (r"(?:please|pls) (?:just )?fix|fix (?:your|this|it)\b", -1.9),
    # it is well again
    (r"(?:got|have|had) my money back (?:\w+ )?(?:same|next|within|in)", 2.0),
    (r"(?:crash|bug|problem|issue|error)\w* (?:\S+ ){0,3}(?:is|are|was) (?:gone|solved)", 1.8),
)
"""Regular expressions over lower-cased text; each stands for one word of the given weight."""

COMMON = frozenset(
    """
    a about after again all also always am an and any anyone app are as ask asked at away back be
    because been before being big but by can cannot cant could day days did didnt do does doesnt
    done dont down even ever every first for from get gets getting give go going gone got had has
    have havent he help her here him his how i if im in into is isnt it its ive just keep keeps
    know last like line look made make many me more most much my need never new next no nobody not
    nothing now of off on one only open or order our out over people phone please put really refund
    reply right said same say see service she should since site so some still store such take than
    thanks that thats the their them then there these they thing this those three time to today
    too try two up update us use used very want was wasnt way we week weeks well went were what
    when where which who why will with without wont work working works would year years yes
    yesterday yet you your
    """.split()  # noqa: SIM905 (190 quoted words are no easier to read)
)
"""Frequent English words, to tell a very short English text from another language's."""
