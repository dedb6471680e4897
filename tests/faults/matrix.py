"""The fault matrix: what goes wrong, what must then hold, and the tests that make it go wrong.

``docs/reference/faults.md`` is made from it. A row without a test, and a test that is not there, fail the build.
Invariants are those of ``oracle.py``.
"""

from dataclasses import dataclass
from typing import Final

BREAKER: Final = "tests/unit/domain/limits/test_breaker.py"
BUDGET: Final = "tests/unit/store/limits/test_budget.py"
REFUSING: Final = "tests/flow/test_store_faults.py"
CLOUD: Final = "tests/flow/test_cloud_faults.py"
FAILURES: Final = "tests/flow/test_failures.py"
DENIED: Final = "tests/flow/test_lost_permission.py"
CALLERS: Final = "tests/flow/test_callers.py"
EVIDENCE: Final = "tests/flow/test_keeping_evidence.py"
STORE: Final = "tests/unit/store/test_faults.py"
LINE: Final = "tests/faults/test_network.py"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of fault. ``tests`` are files or ``file::function``; ``commands`` are scripts of this repository."""

    fault: str
    where: str
    expected: str
    invariants: str
    tests: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


ROWS: Final = (
    Row(
        "The server is killed (SIGKILL)",
        "each named point K0 to K14, in changes of one step, of five, over several targets, creates, deletes, "
        "rollbacks, the undo of what nobody kept, and in the recovery itself",
        "the next server reads back, settles and finishes or undoes; the caller is told the truth",
        "I1 to I9, I16",
        commands=("scripts/faults kill",),
    ),
    Row(
        "Told to stop (SIGTERM), input closed, call cancelled, client gone",
        "before and after the first write",
        "before it the change is cancelled; after it, it goes on to its end",
        "I1, I6, I16",
        (f"{CALLERS}::test_a_server_whose_input_is_closed_finishes_the_change_before_it_exits",
         "tests/flow/test_stop.py",
         f"{CALLERS}::test_a_call_cancelled_before_the_first_write_cancels_the_change",
         f"{CALLERS}::test_a_call_cancelled_after_the_first_write_goes_on_to_its_end",
         f"{CALLERS}::test_a_client_whose_connection_is_gone_is_treated_like_one_that_cancelled"),
    ),
    Row(
        "Disk full",
        "the store, before a change and in the middle of one; the Nth write to its log, from then on",
        "no change is begun; one under way ends as unknown, loudly; reads are served",
        "I1, I6, I7, I14",
        (f"{STORE}::test_a_full_disk_refuses_the_commit_and_is_left_behind_once_there_is_room",
         f"{STORE}::test_a_store_whose_keys_cannot_be_made_says_so_though_its_file_can_be_written",
         f"{REFUSING}::test_little_room_on_the_disk_refuses_new_changes_while_reads_are_recorded",
         "tests/flow/test_store_faults.py::test_a_disk_that_fills_up_in_the_middle_of_a_change_ends_it_as_unknown"),
        commands=("scripts/faults syscalls one:log:ENOSPC#88 one:fdatasync:ENOSPC#9",),
    ),
    Row(
        "A sync fails (fsync, fdatasync: EIO once; ENOSPC from then on) or is where the server is killed",
        "each one, N = 1, 2, 3 ... until a server ends without being hit: keys, journal, log, checkpoint, anchors; in "
        "a first start, a change of one step, a create, five steps with their rollback, five of which one is refused",
        "the change is refused or in doubt, the server lives, reads are served, health_check says why; the next server "
        "settles what is open",
        "I1 to I9, I14, I16",
        ("tests/unit/faulting/test_tracing.py", "tests/unit/faulting/test_syscalls.py"),
        commands=("scripts/faults syscalls",),
    ),
    Row(
        "A send to the cloud fails (EIO, ENOSPC) or is where the server is killed",
        "each one, N = 1, 2, 3 ..., heads and bodies, in the same changes",
        "nothing is sent twice, nothing is told as applied that is not",
        "I1 to I9, I16",
        commands=("scripts/faults syscalls one:send:kill#20 program:send:EIO#13", "scripts/faults syscalls"),
    ),
    Row(
        "Read-only directory, permission lost, damaged file",
        "the store",
        "changes refused with the reason, reads served",
        "I7, I14",
        (f"{REFUSING}::test_while_the_store_cannot_be_written_reads_go_on_and_no_change_is_made",
         f"{REFUSING}::test_on_a_directory_that_may_not_be_written_the_server_starts_and_serves_reads",
         f"{STORE}::test_a_damaged_file_is_unavailable"),
    ),
    Row(
        "Store locked, taken away, of a newer version",
        "every transaction",
        "a bounded wait, then a refusal that says why",
        "I7, I14",
        (f"{STORE}::test_a_store_held_by_another_process_is_unavailable_until_it_lets_go",
         f"{STORE}::test_a_database_locked_by_a_foreign_program_is_unavailable",
         f"{STORE}::test_a_file_that_was_taken_away_while_open_closes_the_store_for_writing",
         f"{STORE}::test_a_database_of_a_newer_version_is_refused_untouched",
         "tests/unit/store/test_schema.py::test_a_migration_that_fails_leaves_nothing_behind"),
    ),
    Row(
        "The store is put back to an older copy; the key that signs its record is gone, another, or exchanged",
        "the data directory",
        "changes refused with the reason, reads served, no key made in place of the old one; verifiers name the row",
        "I7, I14",
        (f"{REFUSING}::test_a_store_put_back_to_an_older_copy_is_not_written_to_and_reads_go_on",
         f"{REFUSING}::test_a_server_whose_signing_key_is_gone_makes_no_new_one_and_writes_nothing",
         f"{EVIDENCE}::test_a_copy_from_before_an_exchange_is_put_back_under_its_own_key_or_not_at_all",
         "tests/property/test_tampering.py"),
    ),
    Row(
        "The clock jumps",
        "budget, breaker, deadlines of changes that wait to be kept, the wait for a write that may still arrive",
        "no wait ends early; leases rest on fences; a deadline stays where it was, and the row says so",
        "I8, I10, I11",
        (f"{BREAKER}::test_a_clock_set_back_starts_the_minute_anew_and_never_makes_it_longer",
         f"{BUDGET}::test_a_clock_set_back_does_not_stop_the_budget",
         "tests/flow/test_commit_confirm.py::test_a_wall_clock_that_is_set_moves_the_deadline_along_and_is_on_record",
         "tests/faults/test_late.py::test_a_wall_clock_that_is_set_neither_ends_the_wait_nor_lets_another_change_in",
         "tests/property/test_deadline.py"),
    ),
    Row(
        "429: once, always, with Retry-After short, long, missing or unreadable",
        "reads, writes, in the middle of a plan",
        "capped waits, the rest is told; the pace drops for every server and rises again",
        "I3, I10, I11",
        (f"{CLOUD}::test_a_read_that_fails_says_what_failed_and_what_to_do",
         f"{CLOUD}::test_a_write_is_told_as_what_it_did_and_is_never_sent_blindly_again",
         "tests/unit/meraki/test_retry.py",
         "tests/unit/store/limits/test_budget.py",
         "tests/property/test_limits.py"),
    ),
    Row(
        "500, 502, 503, 504",
        "before and after the write took place",
        "settled by reading back, never sent twice; after five failures the organization is left alone",
        "I3, I10, I16",
        ("tests/faults/test_cloud.py::test_whatever_the_cloud_does_to_a_write_the_oracle_finds_nothing_broken",
         "tests/flow/test_breaker.py",
         "tests/unit/store/limits/test_breakers.py"),
    ),
    Row(
        "Connection reset or closed",
        "before a byte, in the request, before the answer, in the answer",
        "what was never sent and what may have been are told apart; at most one write",
        "I3, I16",
        (f"{LINE}::test_a_write_over_a_bad_line_happens_at_most_once_and_is_told_as_it_is",
         f"{LINE}::test_a_create_over_a_bad_line_is_found_again_and_never_made_twice",
         f"{LINE}::test_a_line_that_breaks_in_the_third_of_five_steps_leaves_all_or_nothing",
         "tests/unit/meraki/test_client_faults.py"),
    ),
    Row(
        "Black hole, throttled, late",
        "requests and answers",
        "every phase and the whole are bounded; what may still arrive is unknown, and settled once it has or cannot",
        "I1, I3, I6, I16",
        ("tests/faults/test_late.py",
         f"{LINE}::test_a_write_over_a_bad_line_happens_at_most_once_and_is_told_as_it_is",
         f"{LINE}::test_a_read_over_a_bad_line_is_asked_again_and_whole_or_not_at_all"),
    ),
    Row(
        "Malformed: broken JSON, a web page, 50 MB",
        "reads, writes, read-backs",
        "a typed error; the write is settled by reading back; the breaker counts it",
        "I3, I12, I16",
        (f"{CLOUD}::test_a_read_that_fails_says_what_failed_and_what_to_do",
         "tests/faults/test_cloud.py::test_whatever_the_cloud_does_to_a_write_the_oracle_finds_nothing_broken",
         "tests/unit/meraki/test_responses.py"),
    ),
    Row(
        "Wrong but valid: stale reads, 200 and nothing stored, normalised values",
        "the read-back",
        "waited for within the settle time; never told as applied when it is not",
        "I5, I16",
        ("tests/faults/test_cloud.py",),
    ),
    Row(
        "Redirect to another host",
        "every request",
        "refused; the key is not sent",
        "I12",
        (f"{CLOUD}::test_a_redirect_to_another_host_is_not_followed_and_the_key_stays",),
    ),
    Row(
        "401, 403, 404 in the middle of a plan; a step that fails",
        "each step",
        "stopped; what was done is taken back, last step first",
        "I5, I6",
        (f"{DENIED}::test_permission_lost_for_one_step_takes_back_what_was_done",
         f"{DENIED}::test_permission_to_write_lost_for_good_leaves_what_was_done_and_names_it_by_field",
         f"{DENIED}::test_a_key_that_is_revoked_altogether_leaves_a_record_of_what_was_set",
         f"{CLOUD}::test_when_a_later_step_fails_the_earlier_ones_are_undone_and_each_is_told",
         f"{FAILURES}::test_the_third_of_four_steps_fails_and_the_first_two_are_undone_last_first"),
    ),
    Row(
        "The cloud or the store cannot be used for a moment, just when a change is undone",
        "the undo",
        "put off and tried again by itself, so many times; each write of it takes effect once; then a person is named "
        "what is left",
        "I3, I5, I16",
        ("tests/flow/test_put_off.py",
         "tests/unit/changes/test_carry_out.py::test_a_store_that_fails_while_undoing_is_told_as_it_stands"),
    ),
    Row(
        "The rollback fails, or somebody else changed the resource",
        "undo and rollback",
        "what is left is named field by field; nobody's edit is overwritten",
        "I5, I6",
        (f"{CLOUD}::test_an_undo_that_the_cloud_refuses_names_what_is_left",
         "tests/flow/test_rollback.py::test_a_rollback_that_fails_half_way_is_itself_undone",
         "tests/flow/test_rollback.py::test_a_field_that_both_changed_is_left_to_a_person"),
    ),
    Row(
        "Several servers on one data directory",
        "eight processes, 50 plans on one network and several, one approval; the file that they share held up",
        "a serial history for each network, no lost update, one rate for all",
        "I3, I8, I9, I11",
        ("tests/flow/test_recovery.py::test_no_change_is_begun_where_the_owner_of_another_lives_though_its_lease_ran_out",
         "tests/contract/test_store.py::test_an_approval_is_consumed_once_by_fifty_parallel_commits",
         f"{BUDGET}::test_while_another_process_holds_the_file_no_new_burst_is_had_and_what_went_is_counted_afterwards"),
        commands=("scripts/faults processes",),
    ),
    Row(
        "All of it together, at random",
        "four servers, 2 to 10 % of the reads and four times as many of the writes, kills, others' edits; from a seed",
        "what holds for each alone holds; when it is quiet nothing is left under way; others' edits stand",
        "I1 to I9, I11, I12, I16, I17",
        ("tests/faults/test_soak.py",),
        commands=("scripts/faults soak",),
    ),
    Row(
        "Anything, in any order",
        "plans, applies, kills, servers that stand still, restarts, time that passes, clocks that are set, edits by "
        "others, failing writes, keeps, rollbacks, audits and their verdicts, what a person says of a change in doubt, "
        "the kill switch; up to three servers on one data directory",
        "whatever the order: nothing is doubled or overwritten, everything comes to its end, nobody is told wrong",
        "I1 to I9, I12, I16",
        ("tests/faults/test_machine.py",),
        commands=("scripts/faults machine",),
    ),
    Row(
        "A place where the record is anchored is down, or answers no",
        "webhook, syslog, file, git note",
        "no change waits for it; health_check and doctor name it; the next statement covers what it missed",
        "I7, I14",
        (f"{REFUSING}::test_an_anchor_that_fails_is_told_by_health_check_and_doctor",
         "tests/unit/store/evidence/test_witness.py::test_an_anchor_that_fails_is_told_and_tried_again_and_delays_nobody",
         "tests/unit/anchors/test_targets.py"),
    ),
    Row(
        "A client repeats itself",
        "two calls of one plan at once, the same call after a lost reply",
        "one change, the same record",
        "I3",
        (f"{CALLERS}::test_two_calls_of_one_plan_at_the_same_time_are_one_change",
         "tests/flow/test_rollback.py::test_a_change_is_taken_back_once_and_the_repeated_call_gets_the_record"),
    ),
)  # fmt: skip
