"""Does a call fit its operation? Everything that is wrong with it, at once, before any request is made."""

from mcp_server.catalogue.validation.check import body_faults, faults, param_faults
from mcp_server.catalogue.validation.fault import Fault, nearest

__all__ = ["Fault", "body_faults", "faults", "nearest", "param_faults"]
