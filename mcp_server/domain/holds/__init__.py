"""What holds changes back: the kill switch, and the deadline of a change that waits to be kept."""
