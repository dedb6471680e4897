"""Typical jobs from question to done, told in tokens."""
