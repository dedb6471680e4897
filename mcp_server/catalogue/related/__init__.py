"""What hangs on what: references between resources, and what a write takes along besides its own resource."""
