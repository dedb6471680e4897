"""What the outside sees: tools, prompts, resources, the bundle and the registry entry."""
