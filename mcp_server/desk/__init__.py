"""The services that tools work with, each behind a protocol of the toolkit."""
