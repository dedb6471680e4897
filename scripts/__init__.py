"""Programs that the scripts run."""
