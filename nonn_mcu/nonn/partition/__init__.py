"""From a teacher to the channels that each student learns."""
