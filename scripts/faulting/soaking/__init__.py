"""The soak: several servers live through seeded stories while requests, cloud and servers fail at random."""
