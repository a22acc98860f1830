"""All that the product does: rules, work, networks, time."""
