"""Tests of what people say for the words of the API."""
