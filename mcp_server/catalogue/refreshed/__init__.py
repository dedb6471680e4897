"""The API of single organizations, where it differs from the shipped catalogue."""
