-- Consents of titles' owners, and the log of every showing of what is sealed.

-- A signed consent (docs/protocol.md §14) for exactly one grantee: an organisation's keys, one account, or whoever holds
-- the token whose SHA-256 is `bearer` (the token itself is nowhere). Whether it is good is found out at each use.
CREATE TABLE consents (
  hash bytes32 PRIMARY KEY,
  subject bytes32 NOT NULL,
  tenure int8 NOT NULL,
  signer address NOT NULL, -- the owner then: its key, or its contract
  organisation int8,
  account address,
  bearer bytes32 UNIQUE,
  valid_from int8 NOT NULL,
  valid_until int8 NOT NULL,
  consent jsonb NOT NULL, -- all of it, with its signature, as the protocol writes it
  receipt jsonb NOT NULL, -- the operator's, of storing it
  stored_at timestamptz(3) NOT NULL,
  revocation jsonb, -- the signed message, and the operator's receipt of it
  revoked_at timestamptz(3),
  openings int8 NOT NULL DEFAULT 0, -- of a share link
  opened_at timestamptz(3),
  CHECK (num_nonnulls(organisation, account, bearer) = 1),
  CHECK (num_nonnulls(revocation, revoked_at) IN (0, 2))
);
CREATE INDEX consents_subject ON consents (subject, stored_at);
CREATE INDEX consents_signer ON consents (signer, stored_at, hash);
CREATE INDEX consents_organisation ON consents (organisation, stored_at, hash) WHERE organisation IS NOT NULL;
CREATE INDEX consents_account ON consents (account, stored_at, hash) WHERE account IS NOT NULL;

-- The access log of each subject (docs/protocol.md §15). Its row here is locked while the log grows: it is one chain,
-- and nobody waits for another subject's. `at` never falls along it.
CREATE TABLE access_heads (
  subject bytes32 PRIMARY KEY,
  length int8 NOT NULL CHECK (length >= 0),
  head bytes32 NOT NULL,
  at int8 NOT NULL
);
CREATE TABLE access_entries (
  subject bytes32 NOT NULL,
  position int8 NOT NULL CHECK (position >= 0),
  at int8 NOT NULL,
  tenure int8 NOT NULL, -- the title's then, 0 without one: whose log it is
  entry jsonb NOT NULL,
  head bytes32 NOT NULL, -- with this entry
  PRIMARY KEY (subject, position)
);
CREATE INDEX access_entries_tenure ON access_entries (subject, tenure, position);
CREATE INDEX access_entries_at ON access_entries (at);

-- Whose the titles are, and whom they are offered to.
CREATE INDEX titles_buyer ON titles ((title -> 'offer' ->> 'buyer'), subject)
  WHERE title -> 'offer' ->> 'buyer' IS NOT NULL;
