-- m0001_pre_first: tables of the first version. Each record is one row: its key, columns to search by, and the record.
-- "doc" is the record's readable part as JSON, "sealed" its secret part (or an empty one), encrypted and bound to
-- kind, key and doc, so that an edit outside this server is found. An index costs each commit a page or two: there is
-- one only where a question of the product needs it (rows of evidence are asked for by plan and by change).

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  doc TEXT NOT NULL,
  hash TEXT NOT NULL,
  event TEXT GENERATED ALWAYS AS (json_extract(doc, '$.event')) VIRTUAL,
  at TEXT GENERATED ALWAYS AS (json_extract(doc, '$.at')) VIRTUAL,
  owner TEXT GENERATED ALWAYS AS (lower(json_extract(doc, '$.owner'))) VIRTUAL,
  status TEXT GENERATED ALWAYS AS (json_extract(doc, '$.status')) VIRTUAL,
  tool TEXT GENERATED ALWAYS AS (json_extract(doc, '$.tool')) VIRTUAL,
  call_id TEXT GENERATED ALWAYS AS (json_extract(doc, '$.call_id')) VIRTUAL,
  correlation_id TEXT GENERATED ALWAYS AS (json_extract(doc, '$.correlation_id')) VIRTUAL,
  plan_id TEXT GENERATED ALWAYS AS (json_extract(doc, '$.plan_id')) VIRTUAL,
  change_id TEXT GENERATED ALWAYS AS (json_extract(doc, '$.change_id')) VIRTUAL,
  organization_id TEXT GENERATED ALWAYS AS (json_extract(doc, '$.organization_id')) VIRTUAL,
  network_ids TEXT GENERATED ALWAYS AS (json_extract(doc, '$.network_ids')) VIRTUAL
) STRICT

CREATE INDEX audit_plan ON audit (plan_id) WHERE plan_id <> ''

CREATE INDEX audit_change ON audit (change_id) WHERE change_id <> ''

CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  tag BLOB NOT NULL
) STRICT

CREATE TABLE plans (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  change_id TEXT,
  audit_id TEXT,
  plan_hash TEXT NOT NULL,
  request_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  network_ids TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX plans_owner ON plans (owner)

CREATE INDEX plans_state ON plans (state)

CREATE TABLE snapshots (
  plan_id TEXT NOT NULL REFERENCES plans (key),
  number INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (plan_id, number)
) STRICT, WITHOUT ROWID

CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  plan_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  session_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  network_ids TEXT NOT NULL,
  approval_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  rolled_back_by TEXT,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX changes_plan ON changes (plan_id)

CREATE INDEX changes_owner ON changes (owner)

CREATE INDEX changes_state ON changes (state)

CREATE INDEX changes_session ON changes (session_id)

CREATE INDEX changes_started ON changes (started_at)

CREATE TABLE steps (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  change_id TEXT NOT NULL,
  phase TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  sent_at TEXT,
  ended_at TEXT,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX steps_change ON steps (change_id)

CREATE INDEX steps_intent ON steps (state) WHERE state IN ('intent', 'unknown')

CREATE TABLE approvals (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  plan_id TEXT NOT NULL,
  plan_hash TEXT NOT NULL,
  approver TEXT NOT NULL,
  channel TEXT NOT NULL,
  key_id TEXT NOT NULL,
  used_by TEXT,
  approved_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX approvals_plan ON approvals (plan_id)

CREATE TABLE questions (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  plan_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  answered TEXT NOT NULL,
  asked_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX questions_plan ON questions (plan_id)

CREATE TABLE audit_requests (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  plan_id TEXT NOT NULL,
  requester TEXT NOT NULL,
  state TEXT NOT NULL,
  auditor TEXT NOT NULL,
  verdict TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  answered_at TEXT,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX audit_requests_plan ON audit_requests (plan_id)

CREATE INDEX audit_requests_state ON audit_requests (state)

CREATE TABLE leases (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  change_id TEXT NOT NULL,
  holder TEXT NOT NULL,
  until TEXT NOT NULL,
  fence INTEGER NOT NULL,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX leases_change ON leases (change_id) WHERE change_id <> ''

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  client TEXT NOT NULL,
  started_at TEXT NOT NULL,
  last_seen_at TEXT NOT NULL,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX sessions_owner ON sessions (owner, client)

CREATE TABLE usage (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  at TEXT NOT NULL,
  owner TEXT NOT NULL,
  client TEXT NOT NULL,
  tool TEXT NOT NULL,
  outcome TEXT NOT NULL,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

-- m0002_pre_holds: the kill switches, and the deadlines of changes that wait to be kept.

CREATE TABLE freezes (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  frozen_by TEXT NOT NULL,
  lifted_by TEXT NOT NULL,
  frozen_at TEXT NOT NULL,
  lifted_at TEXT,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE TABLE deadlines (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  due_at TEXT NOT NULL,
  doc TEXT NOT NULL,
  sealed BLOB NOT NULL
) STRICT

CREATE INDEX deadlines_state ON deadlines (state)

-- m0003_pre_statements: signed statements about the chain, and how the anchors outside the store stand.

CREATE TABLE statements (
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  doc TEXT NOT NULL
) STRICT

CREATE INDEX statements_tombstones ON statements (seq) WHERE kind = 'tombstone'

CREATE TABLE anchored (
  name TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  at TEXT NOT NULL,
  problem TEXT NOT NULL
) STRICT, WITHOUT ROWID

-- m0004_pre_fields: the fields of a row of evidence in a view. As generated columns each INSERT worked out all of them,
-- and once more for its trigger; and what is asked of a plan or a change did not find its index.

DROP INDEX audit_plan

DROP INDEX audit_change

ALTER TABLE audit DROP COLUMN network_ids

ALTER TABLE audit DROP COLUMN organization_id

ALTER TABLE audit DROP COLUMN change_id

ALTER TABLE audit DROP COLUMN plan_id

ALTER TABLE audit DROP COLUMN correlation_id

ALTER TABLE audit DROP COLUMN call_id

ALTER TABLE audit DROP COLUMN tool

ALTER TABLE audit DROP COLUMN status

ALTER TABLE audit DROP COLUMN owner

ALTER TABLE audit DROP COLUMN at

ALTER TABLE audit DROP COLUMN event

CREATE VIEW audit_fields AS SELECT
  seq, doc, hash,
  json_extract(doc, '$.event') AS event,
  json_extract(doc, '$.at') AS at,
  lower(json_extract(doc, '$.owner')) AS owner,
  json_extract(doc, '$.status') AS status,
  json_extract(doc, '$.tool') AS tool,
  json_extract(doc, '$.call_id') AS call_id,
  json_extract(doc, '$.correlation_id') AS correlation_id,
  nullif(json_extract(doc, '$.plan_id'), '') AS plan_id,
  nullif(json_extract(doc, '$.change_id'), '') AS change_id,
  json_extract(doc, '$.organization_id') AS organization_id,
  json_extract(doc, '$.network_ids') AS network_ids
FROM audit

CREATE INDEX audit_plan ON audit (nullif(json_extract(doc, '$.plan_id'), ''))
WHERE nullif(json_extract(doc, '$.plan_id'), '') IS NOT NULL

CREATE INDEX audit_change ON audit (nullif(json_extract(doc, '$.change_id'), ''))
WHERE nullif(json_extract(doc, '$.change_id'), '') IS NOT NULL

-- triggers: what keeps evidence append-only and fences growing; made again and checked after each migration.

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
WHEN OLD.seq > COALESCE((SELECT MAX(seq) FROM statements WHERE kind = 'tombstone'), 0)
BEGIN SELECT RAISE(ABORT, 'audit rows are never removed unless they are sealed'); END

CREATE TRIGGER statements_no_update BEFORE UPDATE ON statements
BEGIN SELECT RAISE(ABORT, 'signed statements are never changed'); END

CREATE TRIGGER statements_no_delete BEFORE DELETE ON statements
BEGIN SELECT RAISE(ABORT, 'signed statements are never removed'); END

CREATE TRIGGER audit_no_gap BEFORE INSERT ON audit
WHEN NEW.seq <> COALESCE(
  (SELECT MAX(seq) FROM audit), (SELECT MAX(seq) FROM statements WHERE kind = 'tombstone'), 0
) + 1
BEGIN SELECT RAISE(ABORT, 'audit rows have no gaps'); END

CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the head of the audit is never removed'); END

CREATE TRIGGER audit_head_only_grows BEFORE UPDATE ON audit_head WHEN NEW.seq < OLD.seq
BEGIN SELECT RAISE(ABORT, 'the head of the audit never goes back'); END

CREATE TRIGGER leases_no_delete BEFORE DELETE ON leases
BEGIN SELECT RAISE(ABORT, 'leases keep their fence number'); END

CREATE TRIGGER leases_fence_only_grows BEFORE UPDATE ON leases WHEN NEW.fence < OLD.fence
BEGIN SELECT RAISE(ABORT, 'fence numbers only grow'); END
