"""Pre-task and post-task hooks, in the order of order.py."""
