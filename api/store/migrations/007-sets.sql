-- Sets of any size (docs/protocol.md §7), and those that are still being handed over.

-- The members of a set by the subtree that they stand in: one row is all that a proof needs. A row counts only once its
-- set is in `sets`, which is written last. Members and hashes are wrapped.
CREATE TABLE set_buckets (
  digest bytes32 NOT NULL,
  start bytea NOT NULL CHECK (octet_length(start) = 8), -- of the first position that belongs here
  wrapped bytea NOT NULL,
  PRIMARY KEY (digest, start)
);
ALTER TABLE set_buckets ALTER COLUMN wrapped SET STORAGE EXTERNAL;
ALTER TABLE set_buckets ALTER COLUMN wrapped SET STATISTICS 0;

-- What has come of a set so far. Nothing of it is shown; it goes when the set is there, or after a week of nothing.
CREATE TABLE set_uploads (
  digest bytes32 PRIMARY KEY,
  organisation int8 NOT NULL,
  state text NOT NULL CHECK (state IN ('receiving', 'checking', 'failed')),
  chunks int4, -- how many there are, once all of them are here
  problem text, -- a stable code
  facts jsonb,
  claimed_until timestamptz(3), -- by the process that checks it
  touched_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX set_uploads_organisation ON set_uploads (organisation);
CREATE TABLE set_chunks (
  digest bytes32 NOT NULL,
  number int4 NOT NULL CHECK (number >= 0),
  members int4 NOT NULL CHECK (members > 0),
  wrapped bytea NOT NULL,
  PRIMARY KEY (digest, number)
);
ALTER TABLE set_chunks ALTER COLUMN wrapped SET STORAGE EXTERNAL;
ALTER TABLE set_chunks ALTER COLUMN wrapped SET STATISTICS 0;
