"""Changes that wait to be kept: kept by a person, or undone when their time has passed."""
