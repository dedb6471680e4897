"""How much the cloud is asked, and whether at all: the decisions of request budget and circuit breaker."""
