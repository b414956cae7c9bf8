-- The service's tables, along the pipeline accept → outbox → relay → index → query.
-- Common to PostgreSQL 15–18. Times are timestamptz(3) (a JavaScript Date holds milliseconds); times of the chain are
-- int8, seconds since 1970, as in the protocol. Nothing here is plaintext of an identifier, an envelope or a key.

CREATE DOMAIN bytes32 AS bytea CHECK (octet_length(VALUE) = 32);
CREATE DOMAIN address AS bytea CHECK (octet_length(VALUE) = 20);
CREATE DOMAIN uint256 AS numeric(78, 0) CHECK (VALUE >= 0);

-- A store belongs to one directory of ledgers, on one chain: chain id, genesis hash and the contracts' addresses are
-- written once and compared at every start. The ledger that it was made for is number 0 in all tables, any other one of
-- the directory on this chain 1 + its place in the list.
CREATE TABLE settings (
  key text PRIMARY KEY,
  value text NOT NULL
);

-- Work that only one replica may do at a time, and until when it is theirs.
CREATE TABLE leases (
  name text PRIMARY KEY,
  holder text NOT NULL,
  expires_at timestamptz(3) NOT NULL
);

------------------------------------------------------------------------------------------------------------------
-- Content

-- Encrypted envelopes, by the SHA-256 of the block, which is the entry's digest and the CID. The digest is not checked
-- here: a block that rots must be found by the audit, not hidden by an error.
CREATE TABLE blocks (
  digest bytes32 PRIMARY KEY,
  body bytea NOT NULL CHECK (octet_length(body) <= 1048576),
  stored_at timestamptz(3) NOT NULL DEFAULT now()
);
ALTER TABLE blocks ALTER COLUMN body SET STORAGE EXTERNAL; -- ciphertext does not compress

-- The envelopes' keys, wrapped under the operator's key. Erasing an entry deletes its row here, and below.
CREATE TABLE block_keys (
  digest bytes32 PRIMARY KEY,
  wrapped bytea NOT NULL
);

-- Disclosures of sealed fields, wrapped likewise.
CREATE TABLE disclosures (
  digest bytes32 NOT NULL,
  name text NOT NULL,
  wrapped bytea NOT NULL,
  PRIMARY KEY (digest, name)
);

-- Which identifier a subject is the pseudonym of, wrapped likewise.
CREATE TABLE identifiers (
  subject bytes32 PRIMARY KEY,
  wrapped bytea NOT NULL
);

-- The members of the sets whose roots envelopes name (serials of a batch, vehicles of a recall), by the envelope's
-- digest, wrapped likewise: of them the proofs of presence and of absence are made.
CREATE TABLE sets (
  digest bytes32 PRIMARY KEY,
  organisation int8 NOT NULL,
  wrapped bytea NOT NULL,
  stored_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE documents (
  cid text PRIMARY KEY,
  bytes int8 NOT NULL CHECK (bytes >= 0),
  organisation int8,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);

------------------------------------------------------------------------------------------------------------------
-- Accept and outbox

-- A submission, from its acceptance to finality. The states tell the truth: each has its time, and what the chain said
-- is in block_number, block_hash and transaction_hash. A reorganisation moves it back. A skip is not an end: the
-- submission may still be accepted until its deadline.
CREATE TABLE submissions (
  hash bytes32 PRIMARY KEY,
  ledger int4 NOT NULL DEFAULT 0, -- the one it was signed for
  organisation int8 NOT NULL, -- 0: the owner or the buyer of a title
  nonce uint256, -- null: an action of a module, see 003
  signer address NOT NULL,
  deadline int8 NOT NULL,
  entries bytea NOT NULL CHECK (octet_length(entries) > 0 AND octet_length(entries) % 65 = 0),
  signature bytea NOT NULL,
  contract_signature boolean NOT NULL DEFAULT false, -- by ERC-1271: the relay leaves gas for it
  state text NOT NULL DEFAULT 'received'
    CHECK (state IN ('received', 'stored', 'submitted', 'anchored', 'final', 'expired', 'conflicted')),
  received_at timestamptz(3) NOT NULL DEFAULT now(),
  stored_at timestamptz(3),
  submitted_at timestamptz(3),
  anchored_at timestamptz(3),
  final_at timestamptz(3),
  ended_at timestamptz(3), -- expired or conflicted
  block_number int8,
  block_hash bytes32,
  transaction_hash bytes32,
  skip_reason int2, -- why the chain skipped it last
  problem text, -- a stable code, when it ended badly or its transaction was reverted
  attempts int4 NOT NULL DEFAULT 0,
  next_attempt_at timestamptz(3),
  receipt jsonb -- the operator's signed promise
);
-- Two live submissions cannot share a nonce; a dead one frees it.
CREATE UNIQUE INDEX submissions_live_nonce ON submissions (ledger, organisation, nonce)
  WHERE state NOT IN ('expired', 'conflicted');
CREATE INDEX submissions_to_relay ON submissions (received_at, hash) WHERE state = 'stored' AND nonce IS NOT NULL;
CREATE INDEX submissions_on_chain ON submissions (block_number) WHERE state IN ('submitted', 'anchored');
CREATE INDEX submissions_deadline ON submissions (deadline) WHERE state IN ('received', 'stored', 'submitted');
CREATE INDEX submissions_by_organisation ON submissions (organisation, received_at, hash);

------------------------------------------------------------------------------------------------------------------
-- Relay

-- Signed transactions, written before they are broadcast. A nonce may have several, one for each fee that was bid: any
-- of them may be mined, so all are kept.
CREATE TABLE relay_transactions (
  hash bytes32 PRIMARY KEY,
  sender address NOT NULL,
  nonce int8 NOT NULL,
  raw bytea NOT NULL,
  gas_limit int8 NOT NULL,
  max_fee_per_gas uint256 NOT NULL,
  max_priority_fee_per_gas uint256 NOT NULL,
  state text NOT NULL DEFAULT 'prepared'
    CHECK (state IN ('prepared', 'broadcast', 'mined', 'final', 'replaced')),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  broadcast_at timestamptz(3),
  block_number int8,
  block_hash bytes32,
  gas_used int8,
  succeeded boolean
);
CREATE INDEX relay_transactions_nonce ON relay_transactions (sender, nonce);
CREATE INDEX relay_transactions_open ON relay_transactions (state, nonce) WHERE state IN ('prepared', 'broadcast', 'mined');
CREATE INDEX relay_transactions_block ON relay_transactions (block_number);

CREATE TABLE relay_submissions (
  transaction_hash bytes32 NOT NULL REFERENCES relay_transactions (hash) ON DELETE CASCADE,
  submission_hash bytes32 NOT NULL REFERENCES submissions (hash),
  position int4 NOT NULL,
  PRIMARY KEY (transaction_hash, submission_hash)
);
CREATE INDEX relay_submissions_submission ON relay_submissions (submission_hash);

------------------------------------------------------------------------------------------------------------------
-- Index. All of it is rebuilt from the chain's logs; a reorganisation deletes by block_number, in every table below.

-- How far each follower of the chain has come; moved in the same transaction as what it wrote.
CREATE TABLE cursors (
  name text PRIMARY KEY,
  block_number int8 NOT NULL,
  block_hash bytes32 NOT NULL,
  updated_at timestamptz(3) NOT NULL DEFAULT now()
);

-- The blocks that were read, to notice a reorganisation.
CREATE TABLE chain_blocks (
  number int8 PRIMARY KEY,
  hash bytes32 NOT NULL,
  parent_hash bytes32 NOT NULL,
  timestamp int8 NOT NULL
);

-- The links of all subjects' chains. An entry of an organisation has `organisation`; one of a module has `module`,
-- `actor` and `action_hash` instead.
CREATE TABLE links (
  ledger int4 NOT NULL,
  subject bytes32 NOT NULL,
  position int4 NOT NULL CHECK (position >= 0),
  kind int2 NOT NULL,
  organisation int8,
  module address,
  actor address,
  action_hash bytes32,
  timestamp int8 NOT NULL,
  digest bytes32 NOT NULL,
  head bytes32 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL,
  submission_hash bytes32,
  PRIMARY KEY (subject, ledger, position),
  CHECK (
    (organisation IS NOT NULL AND module IS NULL AND actor IS NULL AND action_hash IS NULL)
    OR (organisation IS NULL AND module IS NOT NULL AND actor IS NOT NULL AND action_hash IS NOT NULL)
  )
);
CREATE UNIQUE INDEX links_log ON links (block_number, log_index);
CREATE INDEX links_digest ON links (digest);
CREATE INDEX links_organisation_kind ON links (organisation, kind, block_number, log_index);

-- The links of the organisations' own chains. A table of its own: they have no subject, and no reader of a subject
-- should have to leave them out.
CREATE TABLE own_links (
  ledger int4 NOT NULL,
  organisation int8 NOT NULL,
  position int4 NOT NULL CHECK (position >= 0),
  kind int2 NOT NULL,
  timestamp int8 NOT NULL,
  digest bytes32 NOT NULL,
  head bytes32 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL,
  submission_hash bytes32,
  PRIMARY KEY (ledger, organisation, position)
);
CREATE UNIQUE INDEX own_links_log ON own_links (block_number, log_index);
CREATE INDEX own_links_digest ON own_links (digest);
CREATE INDEX own_links_kind ON own_links (kind, block_number, log_index);

-- The changes of the organisations' standing. Each contract of organisations is a register: its number is that of the
-- first ledger that takes its attesters from it.
CREATE TABLE organisation_links (
  register int4 NOT NULL,
  organisation int8 NOT NULL,
  position int4 NOT NULL CHECK (position >= 0),
  change int2 NOT NULL,
  value bytes32 NOT NULL,
  timestamp int8 NOT NULL,
  head bytes32 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL,
  PRIMARY KEY (register, organisation, position)
);
CREATE UNIQUE INDEX organisation_links_log ON organisation_links (block_number, log_index);
CREATE INDEX organisation_links_value ON organisation_links (value, change);

-- The changes of the directory of ledgers. An added ledger of this chain has its number and its register here. While
-- its past is read, `cursors` says how far (`ledger:<number>`); `unreadable:<number>` there is one that is read no more.
CREATE TABLE directory_links (
  position int4 PRIMARY KEY CHECK (position >= 0),
  change text NOT NULL CHECK (change IN ('added', 'closed')),
  ledger_index int8 NOT NULL,
  chain_id uint256,
  ledger address,
  organisations address,
  code_hash bytes32,
  pseudonym_key bytes32,
  number int4,
  register int4,
  closed_at uint256, -- seconds since 1970, if the directory's manager is sane
  head bytes32 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL,
  CHECK (
    (change = 'added' AND num_nonnulls(chain_id, ledger, organisations, code_hash, pseudonym_key) = 5 AND closed_at IS NULL)
    OR (change = 'closed' AND num_nonnulls(chain_id, ledger, organisations, code_hash, pseudonym_key) = 0 AND closed_at IS NOT NULL)
  )
);
CREATE UNIQUE INDEX directory_links_log ON directory_links (block_number, log_index);

-- The ledgers that have said themselves that they are closed to writing.
CREATE TABLE closures (
  ledger int4 PRIMARY KEY,
  closed_at uint256 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL
);

-- The nonces that the ledgers have used up, and for what: also those that came by another operator.
CREATE TABLE accepted (
  ledger int4 NOT NULL,
  organisation int8 NOT NULL,
  nonce uint256 NOT NULL,
  submission_hash bytes32 NOT NULL,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL,
  transaction_hash bytes32 NOT NULL,
  PRIMARY KEY (ledger, organisation, nonce)
);
CREATE UNIQUE INDEX accepted_log ON accepted (block_number, log_index);
CREATE INDEX accepted_submission ON accepted (submission_hash);

-- Digests on the ledger whose blocks came by another operator and are not here yet.
CREATE TABLE missing_blocks (
  digest bytes32 PRIMARY KEY,
  block_number int8 NOT NULL,
  attempts int4 NOT NULL DEFAULT 0,
  next_attempt_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX missing_blocks_due ON missing_blocks (next_attempt_at);
CREATE INDEX missing_blocks_block ON missing_blocks (block_number);

------------------------------------------------------------------------------------------------------------------
-- Query

-- Which batch a serial number belongs to, both as subjects; the digest is that of the batch's envelope that lists it.
CREATE TABLE serials (
  serial bytes32 NOT NULL,
  batch bytes32 NOT NULL,
  digest bytes32 NOT NULL,
  PRIMARY KEY (serial, batch)
);
CREATE INDEX serials_batch ON serials (batch, serial);

-- Claims by vehicle, for an insurer's search over a list of subjects. They are here once accepted; whether one is on
-- the ledger yet is what `links` says of its digest.
CREATE TABLE claims (
  subject bytes32 NOT NULL,
  digest bytes32 NOT NULL,
  organisation int8 NOT NULL,
  accepted_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, digest)
);

------------------------------------------------------------------------------------------------------------------
-- Access. Secrets are here as hashes only.

CREATE TABLE sign_in_nonces (
  nonce text PRIMARY KEY,
  expires_at timestamptz(3) NOT NULL
);
CREATE INDEX sign_in_nonces_expiry ON sign_in_nonces (expires_at);

CREATE TABLE sessions (
  token_hash bytes32 PRIMARY KEY,
  signer address NOT NULL,
  organisation int8,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  expires_at timestamptz(3) NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
  id text PRIMARY KEY,
  key_hash bytes32 NOT NULL UNIQUE,
  organisation int8 NOT NULL,
  name text NOT NULL,
  created_by address NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  expires_at timestamptz(3),
  revoked_at timestamptz(3)
);
CREATE INDEX api_keys_organisation ON api_keys (organisation);

-- How often a caller has evaluated identifiers in a window of time. `caller` is an account, or a keyed hash of an
-- address: never the address.
CREATE TABLE lookups (
  caller text NOT NULL,
  window_start timestamptz(3) NOT NULL,
  used int4 NOT NULL,
  PRIMARY KEY (caller, window_start)
);
CREATE INDEX lookups_window ON lookups (window_start);
