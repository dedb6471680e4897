"""The safety rules of tasks T1 to T6: what a planned step deserves to be warned of, and how dangerous it is."""
