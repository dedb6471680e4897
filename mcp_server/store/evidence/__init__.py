"""Evidence that somebody else can check: signed statements about the chain, their anchors, verification, export."""
