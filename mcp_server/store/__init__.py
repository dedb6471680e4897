"""SQLite: journal and audit in one transaction."""
