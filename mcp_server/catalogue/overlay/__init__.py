"""What is known of the operations beyond their schemas: readers, transforms, secrets, undo, risk.

Rows stand in the ``.toml`` files beside this module, each with its source; everything else is computed from the
schema and counts as unproven.
"""

from mcp_server.catalogue.overlay.book import Overlay
from mcp_server.catalogue.overlay.row import ReaderRule, Row

__all__ = ["Overlay", "ReaderRule", "Row"]
