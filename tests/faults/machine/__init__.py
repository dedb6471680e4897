"""A Hypothesis state machine over real servers on one data directory: whatever is done in whatever order, it holds."""
