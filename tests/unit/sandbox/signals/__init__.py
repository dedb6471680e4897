"""Statuses, clients, alerts, reporting."""
