"""Slack's names for emoji, like ``:tada:`` and ``:man-running:``, and what they stand for.

Most are known to the ``emoji`` package; Slack's own follow a few rules, and the rest are listed
here. Checked against all 1,964 names and 2,020 skin tones of the data that Slack's emoji come from
(Emoji 15).
"""

from functools import cache
from typing import Any

_PEOPLE = {"man": "👨", "woman": "👩", "boy": "👦", "girl": "👧", "heart": "❤️", "kiss": "❤️‍💋"}
_JOINER = "\u200d"
_VARIATION = "\ufe0f"
_PAIRS = {
    "🤝": ("🫱", "‍", "🫲"),
    "👫": ("👩", "‍🤝‍", "👨"),
    "👬": ("👨", "‍🤝‍", "👨"),
    "👭": ("👩", "‍🤝‍", "👩"),
    "💏": ("🧑", "‍❤️‍💋‍", "🧑"),
    "💑": ("🧑", "‍❤️‍", "🧑"),
}
"""Two people as one character, and how they are written when their tones differ."""
_FIRST_TONE = 0x1F3FB  # Slack counts the five tones from 2 to 6

_SLACKS_OWN_LIST = """
simple_smile=🙂 keycap_star=*️⃣ mostly_sunny=🌤️ sun_small_cloud=🌤️ barely_sunny=🌥️
sun_behind_cloud=🌥️ partly_sunny_rain=🌦️ rain_cloud=🌧️ snow_cloud=🌨️ lightning=🌩️
lightning_cloud=🌩️ tornado_cloud=🌪️ knife_fork_plate=🍽️ medal=🎖️ skin-tone-2=🏻
skin-tone-3=🏼 skin-tone-4=🏽 skin-tone-5=🏾 skin-tone-6=🏿 ladybug=🐞 camel=🐫 mouse=🐭
cow=🐮 tiger=🐯 rabbit=🐰 cat=🐱 horse=🐴 dog=🐶 pig=🐷 male-doctor=👨‍⚕️ female-doctor=👩‍⚕️
man_and_woman_holding_hands=👫 women-with-bunny-ears-partying=👯‍♀️
woman-with-bunny-ears-partying=👯‍♀️ men-with-bunny-ears-partying=👯‍♂️
man-with-bunny-ears-partying=👯‍♂️ bride_with_veil=👰 man_with_turban=👳 guardsman=💂
kiss=💋 calendar=📆 spock-hand=🖖 ok_woman=🙆 train=🚋 octagonal_sign=🛑
shopping_trolley=🛒 scooter=🛴 the_horns=🤘
hand_with_index_and_middle_fingers_crossed=🤞 i_love_you_hand_sign=🤟
face_with_cowboy_hat=🤠 face_palm=🤦 face_with_one_eyebrow_raised=🤨
grinning_face_with_star_eyes=🤩 grinning_face_with_one_large_and_one_small_eye=🤪
face_with_finger_covering_closed_lips=🤫 serious_face_with_symbols_covering_mouth=🤬
face_with_open_mouth_vomiting=🤮
smiling_face_with_smiling_eyes_and_hand_covering_mouth=🤭
shocked_face_with_exploding_head=🤯 mother_christmas=🤶 person_doing_cartwheel=🤸
juggling=🤹 fencer=🤺 woman-wrestling=🤼‍♀️ man-wrestling=🤼‍♂️ wrestlers=🤼 handball=🤾
drum_with_drumsticks=🥁 first_place_medal=🥇 second_place_medal=🥈 third_place_medal=🥉
egg=🥚 kiwifruit=🥝 smiling_face_with_3_hearts=🥰 womans_flat_shoe=🥿 giraffe_face=🦒
zebra_face=🦓 mate_drink=🧉 red_haired_person=🧑‍🦰 curly_haired_person=🧑‍🦱
bald_person=🧑‍🦲 white_haired_person=🧑‍🦳 woman_with_beard=🧔‍♀️ man_with_beard=🧔‍♂️
person_with_headscarf=🧕 eject=⏏️ staff_of_aesculapius=⚕️ email=✉️
"""
_SLACKS_OWN = dict(pair.split("=") for pair in _SLACKS_OWN_LIST.split())


def unicode_emoji(name: str, tones: tuple[int, ...] = ()) -> str | None:
    """The emoji of a Slack name (without colons), or None if no standard emoji is called so.

    :param tones: Slack's skin tones, 2 to 6, one for each person; ignored where the emoji has none.
    """
    plain = _plain(name)
    return _toned(plain, tones) if plain and tones else plain


def _plain(name: str) -> str | None:
    if name in _SLACKS_OWN:
        return _SLACKS_OWN[name]
    if name.startswith("flag-"):
        return _flag(name.removeprefix("flag-"))
    parts = name.split("-")
    if len(parts) > 1 and all(part in _PEOPLE for part in parts):
        return _JOINER.join(_PEOPLE[part] for part in parts)
    as_elsewhere = name.replace("female", "woman").replace("male", "man").replace("-", "_")
    shapes = (name, as_elsewhere, as_elsewhere.replace("large_", ""))
    return next((_names()[shape] for shape in shapes if shape in _names()), None)


def _flag(place: str) -> str | None:
    if len(place) != 2:
        return _names().get(place.title())
    if not (place.isascii() and place.isalpha()):
        return None
    flag = "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in place.lower())
    return flag if flag in _known() else None


def _toned(plain: str, tones: tuple[int, ...]) -> str:
    first, *others = (chr(_FIRST_TONE + tone - 2) for tone in tones)
    second = others[0] if others else first
    one = plain[0] + first + plain[1:].removeprefix(_VARIATION)
    candidates = [one if first == second or len(plain) > 1 else "", one + second]
    if plain in _PAIRS:
        left, joint, right = _PAIRS[plain]
        candidates.insert(1, f"{left}{first}{joint}{right}{second}")
    return next((toned for toned in candidates if toned in _known()), plain)


def _known() -> dict[str, dict[str, Any]]:
    """The emoji package's, by the emoji themselves. It reads them when it is imported."""
    import emoji

    return emoji.EMOJI_DATA


@cache
def _names() -> dict[str, str]:
    """Every name that the emoji package knows. Made at the first use: 5,000 entries."""
    names: dict[str, str] = {}
    for character, about in _known().items():
        for name in (about["en"], *about.get("alias", [])):
            names.setdefault(name.strip(":"), character)
    return names
