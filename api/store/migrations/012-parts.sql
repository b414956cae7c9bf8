-- Parts: what the actions on the chain have made of each serialised, safety-relevant part. Actions on their way are rows of
-- `submissions` as those on titles are, the vehicle as their `detail`.

-- Each part after each of its actions; the last one is what it is now. A reorganisation deletes by block_number.
CREATE TABLE parts (
  ledger int4 NOT NULL,
  subject bytes32 NOT NULL,
  position int4 NOT NULL CHECK (position >= 0),
  state text NOT NULL CHECK (state IN ('none', 'free', 'mounted', 'stolen', 'scrapped')),
  maker int8 NOT NULL, -- the organisation that registered it, 0 before
  revision int8 NOT NULL, -- the next action's
  vehicle bytes32, -- where it is
  illegal text, -- a stable code, where core would not have executed what the module did
  -- The action, in the columns of `titles`.
  action_hash bytes32 NOT NULL,
  action_subject bytes32 NOT NULL CHECK (action_subject = subject),
  action_revision int8 NOT NULL,
  kind int2 NOT NULL,
  deadline uint256 NOT NULL,
  organisation int8 NOT NULL,
  party address NOT NULL, -- zero
  until uint256 NOT NULL, -- zero
  detail bytes32 NOT NULL, -- the vehicle that it is mounted in or removed from, else zero
  digest bytes32 NOT NULL,
  actor address NOT NULL,
  timestamp int8 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL,
  PRIMARY KEY (subject, ledger, position)
);
CREATE INDEX parts_action ON parts (action_hash);
CREATE INDEX parts_vehicle ON parts (detail, ledger) WHERE kind IN (17, 18);
CREATE INDEX parts_block ON parts (block_number);

-- Every action of every module that was executed, once: one that carries a title over is the old subject's.
CREATE VIEW actions AS
  SELECT ledger, action_hash, subject AS action_subject, action_revision, kind, deadline, organisation, party, until, detail, digest,
    actor, timestamp, block_number, log_index, transaction_hash
  FROM titles WHERE subject = action_subject
  UNION ALL
  SELECT ledger, action_hash, subject AS action_subject, action_revision, kind, deadline, organisation, party, until, detail, digest,
    actor, timestamp, block_number, log_index, transaction_hash
  FROM parts;
