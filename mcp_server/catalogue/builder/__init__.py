"""Makes operations.json.gz from two packages that describe the Dashboard API. Nothing at run time imports it."""
