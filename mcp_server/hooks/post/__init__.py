"""Hooks that run after a tool, also after a failure."""
