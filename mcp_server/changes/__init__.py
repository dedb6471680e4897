"""The change engine: build, authorize, carry out, verify, undo."""
