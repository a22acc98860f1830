"""A Slack workspace and a small social network in the browser, for trying Socialdesk."""
