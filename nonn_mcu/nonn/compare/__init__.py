"""A network beside its alternatives."""
