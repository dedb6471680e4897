"""Who may say yes: enrolled keys, and the signatures they make. No approval rests on a row's mere presence."""
