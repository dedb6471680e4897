"""What servers on one data directory share about each organization: request budget and circuit breaker."""
