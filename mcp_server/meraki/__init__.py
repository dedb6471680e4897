"""HTTP to the Meraki cloud; nothing else speaks HTTP."""
