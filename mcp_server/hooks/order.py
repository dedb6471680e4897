"""The hooks of one call, in the order in which they run (design 2.1).

Three tuples; a test pins them, docs/reference/hooks.md is generated from them, and taking one entry out fails
another test. The rules for all of them stand in pipeline.py.
"""

from mcp_server.hooks.forms import PlanHook, PostHook, PreHook
from mcp_server.hooks.post.on_error import on_error
from mcp_server.hooks.post.process_handoffs import process_handoffs
from mcp_server.hooks.post.update_session import update_session
from mcp_server.hooks.post.write_audit_log import write_audit_log
from mcp_server.hooks.post.write_changelog import write_changelog
from mcp_server.hooks.pre.backup_current_state import backup_current_state
from mcp_server.hooks.pre.check_license import check_license
from mcp_server.hooks.pre.check_rate_limit import check_rate_limit
from mcp_server.hooks.pre.detect_catalyst_mode import detect_catalyst_mode
from mcp_server.hooks.pre.guard import guard
from mcp_server.hooks.pre.inject_context import inject_context
from mcp_server.hooks.pre.resolve_org_and_network import resolve_org_and_network
from mcp_server.hooks.pre.sgt_preflight_check import sgt_preflight_check
from mcp_server.hooks.pre.validate_credentials import validate_credentials

PRE_TASK: tuple[PreHook, ...] = (
    guard,  # 0 scope, read-only mode, arguments
    validate_credentials,  # 1
    resolve_org_and_network,  # 2
    detect_catalyst_mode,  # 3 switch targets
    check_license,  # 4 switch targets
    sgt_preflight_check,  # 5 switch ports
    backup_current_state,  # 6 changes
    check_rate_limit,  # 7
)

PRE_CHANGE: tuple[PlanHook, ...] = (
    inject_context,  # 8 needs the plan
)

POST_TASK: tuple[PostHook, ...] = (
    write_audit_log,  # 1
    write_changelog,  # 2 changes
    process_handoffs,  # 3
    update_session,  # 4 changes and plans
    on_error,  # 5 failures
)
