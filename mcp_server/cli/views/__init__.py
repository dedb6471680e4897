"""What the commands show: records as plain JSON, and the same for people."""
