"""All that is Slack: what comes in, what goes out."""
