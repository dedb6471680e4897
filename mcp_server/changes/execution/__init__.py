"""Carrying out: each step, the watch, the undo, the report."""
