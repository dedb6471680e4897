"""Hooks that run before a tool: they may refuse or add facts, never write."""
