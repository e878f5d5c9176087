"""Images out of a network: what it remembers of its training data, without that data."""
