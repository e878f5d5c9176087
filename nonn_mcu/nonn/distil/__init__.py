"""From a partitioned teacher to trained students and their head."""
