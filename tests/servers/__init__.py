"""Real servers and a real browser for the tests, each in a process of its own."""
