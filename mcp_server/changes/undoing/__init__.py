"""What a way back needs beyond a step's own resource."""
