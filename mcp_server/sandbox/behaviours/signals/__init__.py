"""What the cloud reports: statuses, clients, alerts, its log, and the settings of reporting."""
