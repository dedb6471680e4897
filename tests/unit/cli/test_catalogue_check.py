"""meraki-specialist catalogue check: which undo classes nobody has tried."""

import json

from click.testing import CliRunner

from mcp_server.cli.catalogue import check, guesses
from tests.support.shipped import CATALOGUE, OVERLAY


def test_every_write_without_a_trial_is_listed_and_no_other() -> None:
    """Tried ones and those that promise nothing are left out, carriers too."""
    listed = {str(one["operation"]) for one in guesses(CATALOGUE, OVERLAY)}
    for name in CATALOGUE.writes():
        row = OVERLAY.row(name)
        is_guess = not row.proven or (row.evidence == "schema" and row.undo != "none")
        assert (name in listed) == (is_guess and not row.carrier), name
    assert "updateNetworkWirelessSsid" not in listed


def test_the_command_lists_them_and_is_strict_on_request() -> None:
    """Exit 0 without a wish, 1 with --strict while there is one."""
    found = CliRunner().invoke(check, ["--json"])
    assert found.exit_code == 0
    told = json.loads(found.stdout)
    assert (told["writes"], len(told["guesses"])) == (len(CATALOGUE.writes()), len(guesses(CATALOGUE, OVERLAY)))
    assert CliRunner().invoke(check, ["--strict", "--json"]).exit_code == (1 if told["guesses"] else 0)
