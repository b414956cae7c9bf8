-- Titles: signed actions on their way to the module `Titles`, and what the actions on the chain have made of each title.

-- An action is a submission of one entry that has its place in the history of one title, the revision, instead of a
-- nonce. Kind, subject and digest are in `entries`, the actor is `signer`. A refusal by the module is not an end: the
-- action may still be executed until its deadline, but gives its place to another one that can be.
ALTER TABLE submissions
  ADD COLUMN subject bytes32,
  ADD COLUMN revision int8 CHECK (revision >= 0),
  ADD COLUMN party address,
  ADD COLUMN until int8,
  ADD COLUMN detail bytes32,
  ADD CONSTRAINT submissions_nonce_or_action
    CHECK (num_nonnulls(nonce) + num_nonnulls(subject, revision, party, until, detail) IN (1, 5)
      AND (nonce IS NULL) = (revision IS NOT NULL)),
  ADD CONSTRAINT submissions_action_entry CHECK (revision IS NULL OR octet_length(entries) = 65);
CREATE UNIQUE INDEX submissions_live_revision ON submissions (ledger, subject, revision)
  WHERE state NOT IN ('expired', 'conflicted');
-- Replacements (kind 15), by the subject that takes over.
CREATE INDEX submissions_replacements ON submissions (ledger, detail)
  WHERE get_byte(entries, 0) = 15 AND state NOT IN ('expired', 'conflicted');
CREATE INDEX submissions_actions_to_relay ON submissions (received_at, hash) WHERE state = 'stored' AND nonce IS NULL;

-- Whether a transaction carries an action to its module, or submissions to the ledger: each has its own bound on how
-- many may wait for a block.
ALTER TABLE relay_transactions ADD COLUMN action boolean NOT NULL DEFAULT false;

-- Each title after each of its actions, as the logs of the ledgers’ modules say; the last one is what it is now. An
-- action that replaces an identifier stands in the histories of both. A reorganisation deletes by block_number.
CREATE TABLE titles (
  ledger int4 NOT NULL,
  subject bytes32 NOT NULL,
  position int4 NOT NULL CHECK (position >= 0),
  state text NOT NULL CHECK (state IN ('none', 'held', 'exported', 'scrapped', 'replaced')),
  owner address,
  revision int8 NOT NULL, -- the next action's
  title jsonb NOT NULL, -- all of it, see api/index/titles.ts
  illegal text, -- a stable code, where core would not have executed what the module did
  -- The action.
  action_hash bytes32 NOT NULL,
  action_subject bytes32 NOT NULL, -- another one where this subject takes over from it
  action_revision int8 NOT NULL,
  kind int2 NOT NULL,
  deadline uint256 NOT NULL,
  organisation int8 NOT NULL, -- 0: the owner or the buyer
  party address NOT NULL,
  until uint256 NOT NULL,
  detail bytes32 NOT NULL,
  digest bytes32 NOT NULL,
  actor address NOT NULL,
  timestamp int8 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL,
  PRIMARY KEY (subject, ledger, position)
);
CREATE INDEX titles_action ON titles (action_hash);
CREATE INDEX titles_owner ON titles (owner, subject) WHERE owner IS NOT NULL;
CREATE INDEX titles_block ON titles (block_number);
