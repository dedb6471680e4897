"""The command line meraki-specialist, one file per group of commands."""
