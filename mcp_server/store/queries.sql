-- read_head: where the audit chain stands.
SELECT seq, hash, tag FROM audit_head WHERE id = 1

-- first_seq: the lowest and highest seq of the audit, to find a head that was taken away.
SELECT MIN(seq), MAX(seq) FROM audit

-- write_head: where the chain stands after a group of rows.
INSERT INTO audit_head (id, seq, hash, tag) VALUES (1, :seq, :hash, :tag)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, tag = excluded.tag

-- append_audit: one line of evidence.
INSERT INTO audit (seq, doc, hash) VALUES (?, ?, ?)

-- walk_audit: the whole chain, oldest first.
SELECT seq, doc, hash FROM audit ORDER BY seq

-- walk_audit_from: the chain from a row on, oldest first.
SELECT seq, doc, hash FROM audit WHERE seq >= :first ORDER BY seq

-- get_audit: one line of evidence.
SELECT seq, doc, hash FROM audit WHERE seq = :key

-- list_audit: lines of evidence, newest first.
SELECT seq, doc, hash FROM audit_fields
WHERE {where} AND (:before IS NULL OR seq < :before)
ORDER BY seq DESC LIMIT :limit

-- write_statement: one signed statement about the chain.
INSERT INTO statements (seq, kind, doc) VALUES (:seq, :kind, :doc)

-- last_statement: the newest signed statement.
SELECT doc FROM statements ORDER BY id DESC LIMIT 1

-- walk_statements: every signed statement, oldest first.
SELECT doc FROM statements ORDER BY id

-- pruned_to: up to which row the audit was sealed and pruned.
SELECT MAX(seq) FROM statements WHERE kind = 'tombstone'

-- prune_audit: take away rows that a tombstone has sealed.
DELETE FROM audit WHERE seq <= :seq

-- write_anchored: how an anchor stands.
INSERT INTO anchored (name, seq, at, problem) VALUES (:name, :seq, :at, :problem)
ON CONFLICT (name) DO UPDATE SET
  seq = MAX(seq, excluded.seq), at = excluded.at, problem = excluded.problem

-- read_anchored: how the anchors stand.
SELECT name, seq, at, problem FROM anchored ORDER BY name

-- has_network: a condition: the network is among those of the row.
EXISTS (SELECT 1 FROM json_each(network_ids) WHERE value = :{mark})

-- get_record: one record by its key.
SELECT {columns}, doc, sealed FROM {table} WHERE key = :key

-- list_records: records newest first, from the one before a key.
SELECT {columns}, doc, sealed FROM {table}
WHERE {where} AND (:before IS NULL OR id < (SELECT id FROM {table} WHERE key = :before))
ORDER BY id DESC LIMIT :limit

-- insert_record: a new record; nothing when its key is taken.
INSERT INTO {table} ({columns}, doc, sealed) VALUES ({marks}) ON CONFLICT (key) DO NOTHING

-- update_record: a record in place of the older one of the same key.
UPDATE {table} SET {assignments}, doc = :doc, sealed = :sealed WHERE key = :key

-- read_snapshots: the sealed before-states of a plan, by step.
SELECT number, sealed FROM snapshots WHERE plan_id = :plan_id ORDER BY number

-- write_snapshot: the sealed before-state of one step.
INSERT INTO snapshots (plan_id, number, sealed) VALUES (:plan_id, :number, :sealed)

-- drop_snapshots: forget the before-states of a plan that is written with others.
DELETE FROM snapshots WHERE plan_id = :plan_id

-- held_leases: the leases that a change holds.
SELECT key FROM leases WHERE change_id = :change_id AND change_id <> '' ORDER BY key

-- count_rows: how many rows a table has.
SELECT COUNT(*) FROM {table}

-- make_budgets: the request budgets, in a file of their own.
CREATE TABLE IF NOT EXISTS budgets (
  organization_id TEXT PRIMARY KEY,
  tokens REAL NOT NULL,
  at REAL NOT NULL,
  not_before REAL NOT NULL,
  pace REAL NOT NULL
) STRICT, WITHOUT ROWID

-- read_bucket: the budget of one organization.
SELECT tokens, at, not_before, pace FROM budgets WHERE organization_id = :organization_id

-- write_bucket: the budget of one organization after a decision.
INSERT INTO budgets (organization_id, tokens, at, not_before, pace)
VALUES (:organization_id, :tokens, :at, :not_before, :pace)
ON CONFLICT (organization_id) DO UPDATE
SET tokens = excluded.tokens, at = excluded.at, not_before = excluded.not_before, pace = excluded.pace

-- make_breakers: the circuit breakers, beside the budgets.
CREATE TABLE IF NOT EXISTS breakers (
  organization_id TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  opened_at REAL,
  successes INTEGER NOT NULL,
  probe_at REAL
) STRICT, WITHOUT ROWID

-- read_breaker: the breaker of one organization.
SELECT failures, opened_at, successes, probe_at FROM breakers WHERE organization_id = :organization_id

-- list_breakers: every breaker that is open.
SELECT organization_id, failures, opened_at, successes, probe_at FROM breakers WHERE opened_at IS NOT NULL

-- write_breaker: the breaker of one organization after a decision.
INSERT INTO breakers (organization_id, failures, opened_at, successes, probe_at)
VALUES (:organization_id, :failures, :opened_at, :successes, :probe_at)
ON CONFLICT (organization_id) DO UPDATE
SET failures = excluded.failures, opened_at = excluded.opened_at, successes = excluded.successes, probe_at = excluded.probe_at
