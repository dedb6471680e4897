"""Switches and access points."""
