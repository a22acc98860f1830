"""The page's icons, drawn for it: lines on a square of 20, in the colour of the text around."""

from collections.abc import Iterator

from markupsafe import Markup


def icon(name: str) -> Markup:
    """An icon of the page's own drawing, for use beside a text or with a label around it."""
    return Markup(
        '<svg class="icon" width="20" height="20" viewBox="0 0 20 20" aria-hidden="true"'
        ' focusable="false">{}</svg>'
    ).format(_ICONS[name])


def _stroke(path: str) -> Markup:
    return Markup(
        '<path d="{}" fill="none" stroke="currentColor" stroke-width="1.5"'
        ' stroke-linecap="round" stroke-linejoin="round"/>'
    ).format(path)


def _icons() -> Iterator[tuple[str, Markup]]:
    yield (
        "more",
        Markup(
            '<g fill="currentColor"><circle cx="10" cy="4.5" r="1.4"/>'
            '<circle cx="10" cy="10" r="1.4"/><circle cx="10" cy="15.5" r="1.4"/></g>'
        ),
    )
    for name, path in {
        "upload": "M10 13V4m0 0L6.5 7.5M10 4l3.5 3.5M4 13v2.5h12V13",
        "image": "M3.5 4.5h13v11h-13zM4 14l4-4.5 3 3 2-2 3 3.5M12.5 7.5h.01",
        "close": "M5 5l10 10M15 5L5 15",
        "reply": "M3.5 4h13v9.5H9.5L6 16.5v-3H3.5zM7 7.5h6M7 10h4",
        "hash": "M8 3L6.5 17M13.5 3L12 17M3.5 7.5h13.5M3 12.5h13.5",
        "send": "M4 16.5l13-6.5L4 3.5l1.5 6.5zM5.5 10h5",
        "menu": "M3.5 6h13M3.5 10h13M3.5 14h13",
        "home": "M3.5 9.5L10 4l6.5 5.5M5.5 8.5v7.5h9V8.5",
        "chevron": "M5.5 8l4.5 4.5L14.5 8",
        "check": "M4.5 10.5l3.5 3.5 7.5-8",
        "eye": "M2.5 10c4-6.5 11-6.5 15 0-4 6.5-11 6.5-15 0zM10 12a2 2 0 100-4 2 2 0 000 4",
        "file": "M5.5 2.5h6l3.5 3.5v11.5h-9.5zM11.5 2.5V6H15",
        "external": "M11.5 4H16v4.5M16 4l-6.5 6.5M8 5H4.5v10.5H15V12",
        "people": "M10 10a3 3 0 100-6 3 3 0 000 6M4 16.5c1-5.5 11-5.5 12 0",
        "plus": "M10 4v12M4 10h12",
        "back": "M12 5l-5 5 5 5",
        "lock": "M5.5 9h9v7.5h-9zM7.5 9V6.5a2.5 2.5 0 015 0V9",
    }.items():
        yield name, _stroke(path)


_ICONS = dict(_icons())
