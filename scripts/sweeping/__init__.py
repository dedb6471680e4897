"""scripts/sweep: every write of the API tried in the sandbox, and every promise of undo held against what is seen."""
