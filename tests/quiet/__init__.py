"""A team's week, replayed: how much is said to whom, and how much they have to press."""
