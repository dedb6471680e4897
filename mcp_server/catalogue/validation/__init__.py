"""Does a call fit its operation? Everything that is wrong with it, at once, before any request is made."""

from mcp_server.catalogue.validation.check import faults
from mcp_server.catalogue.validation.fault import Fault

__all__ = ["Fault", "faults"]
