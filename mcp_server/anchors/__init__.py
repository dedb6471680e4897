"""Places outside the store that keep signed statements about the audit chain; each adapter knows one of them."""
