"""Health of networks, before and after a change."""
