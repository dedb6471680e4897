"""Hand-written behaviours of the simulated cloud; each module registers its own when it is imported."""
