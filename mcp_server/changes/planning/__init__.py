"""Making plans: drafts, weight, hash, view. Reads only."""
