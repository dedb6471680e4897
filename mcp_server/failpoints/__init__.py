"""Named points of the write protocol at which tests stop this program; nothing happens there otherwise."""

from mcp_server.failpoints.points import ACTIONS, POINTS, Failed, Spec, arm, failpoint, is_armed, parse

__all__ = ["ACTIONS", "POINTS", "Failed", "Spec", "arm", "failpoint", "is_armed", "parse"]
