"""The packages that the catalogue is made from (both MIT), and what they describe."""

API_VERSION = "1.75.1"
PINS = {"meraki": "4.7.0", "meraki_client": "0.22.0"}
