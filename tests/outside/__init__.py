"""Checks by programs that are not ours: the protocol's own suite, other clients, fuzzers."""
