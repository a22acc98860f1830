"""Time as machines and zones have it: clocks that are set, that differ, that change in spring."""
