"""What several behaviours check alike: addresses, settings of a network, and things that others refer to."""
