"""Chaos: real processes publish to faulty servers while they are killed and stopped.

``plan.py`` derives everything from one seed: the posts, the servers' faults, the incidents.
``social.py`` and ``slack.py`` are the servers (processes of their own, which no incident touches),
``process.py`` is the bot as it is killed, ``harness.py`` lets it all happen, and ``verdict.py``
counts at the servers what came out. ``python -m tests.chaos`` runs it by hand.
"""
