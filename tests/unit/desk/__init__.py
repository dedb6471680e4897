"""Tests of what tools see of the catalogue."""
