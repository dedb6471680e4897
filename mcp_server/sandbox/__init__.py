"""A simulated organization. Imports the operation data and nothing of the write path, so that it can judge it."""
