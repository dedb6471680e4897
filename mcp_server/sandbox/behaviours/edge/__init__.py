"""Where a site meets the world: interfaces, redundancy, Umbrella, intrusion policies, gateways, cellular, SASE."""
