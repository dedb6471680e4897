"""Speed and size, measured from outside, always beside a peer in the same run."""
