"""The documentation: examples run, reference pages up to date, links that lead somewhere."""
