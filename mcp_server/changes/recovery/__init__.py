"""Going on with changes that were left behind: found, taken over, settled by reading, brought to a safe end."""
