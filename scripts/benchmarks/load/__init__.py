"""The server under load: large plans, and many callers at once."""
