"""Commands that keep, copy and put back what was recorded."""
