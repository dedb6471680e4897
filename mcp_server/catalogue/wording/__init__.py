"""What people call things, and what the Dashboard API calls them."""
