"""Programs that break this product on purpose, and the judging of what came of it."""
