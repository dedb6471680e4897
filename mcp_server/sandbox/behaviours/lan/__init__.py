"""Switches and access points: their settings, and what a wrong one cuts off."""
