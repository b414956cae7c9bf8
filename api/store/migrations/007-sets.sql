-- Sets of any size (docs/protocol.md §7), and those that are still being handed over.

-- What has come of a set so far. Nothing of it is shown; it goes when the set is there, or after a week of nothing.
CREATE TABLE set_uploads (
  digest bytes32 PRIMARY KEY,
  organisation int8 NOT NULL,
  state text NOT NULL CHECK (state IN ('receiving', 'checking', 'failed')),
  -- How many there are, once all of them are here; null then: it is one, as the version before kept a set.
  chunks int4,
  problem text, -- a stable code
  facts jsonb,
  claimed_until timestamptz(3), -- by the process that checks it
  touched_at timestamptz(3) NOT NULL DEFAULT now()
);
ALTER TABLE set_uploads ALTER COLUMN facts SET STATISTICS 0; -- members that were there twice may be named there
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

-- A set was one row, all of its members wrapped under the digest, and serials were named by their pseudonyms. What is here is
-- taken as handed over, and checked and packed once the service runs: only it can open the rows.
INSERT INTO set_uploads (digest, organisation, state) SELECT digest, organisation, 'checking' FROM sets;
INSERT INTO set_chunks (digest, number, members, wrapped) SELECT digest, 0, 1, wrapped FROM sets;
DROP TABLE sets;
DROP TABLE serials;

-- The sets whose roots envelopes name (serials of a batch, vehicles of a recall), by the envelope's digest, that are here
-- whole: of their members the proofs of presence and of absence are made.
CREATE TABLE sets (
  digest bytes32 PRIMARY KEY,
  organisation int8 NOT NULL,
  subject bytes32 NOT NULL, -- of the entry; zeros on an own chain
  members int4 NOT NULL CHECK (members >= 0),
  stored_at timestamptz(3) NOT NULL DEFAULT now()
);

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

-- Which batch a serial number belongs to, both as the graph names things; the digest is that of the batch's envelope that
-- lists it. A row counts only once the set is in `sets`.
CREATE TABLE serials (
  serial uuid NOT NULL,
  batch uuid NOT NULL,
  digest bytes32 NOT NULL,
  PRIMARY KEY (serial, digest)
);
CREATE INDEX serials_batch ON serials (batch, serial);
CREATE INDEX serials_digest ON serials (digest);
