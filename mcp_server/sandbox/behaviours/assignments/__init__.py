"""What is assigned to what: profiles and policies to networks, devices, SSIDs and VLANs, and taken away again."""
