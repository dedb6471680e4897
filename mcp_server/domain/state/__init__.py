"""The algebra of states: difference, patch, merge, list edits, three-way merge, comparison. Pure."""
