"""Whether a test would notice if one rule of the overlay were missing."""
