"""Jobs and devices that come and go: stacks, managed devices, door locks, floor plans, captures, stages."""
