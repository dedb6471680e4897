"""The Dashboard API as data, and what we know of it beyond its schemas."""
