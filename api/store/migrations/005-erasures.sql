-- Erasures: receipts for what was destroyed. Each is a tombstone, too: what it names is not stored again. The file of
-- receipts (`erasures.ndjson`), which is outside of every backup, is what counts; this is its index.
CREATE TABLE erasures (
  number int8 PRIMARY KEY, -- in the order in which they came in here, from 1
  digest bytes32 NOT NULL,
  what text NOT NULL, -- entry, field:<name>, document:<cid>
  ledger text NOT NULL, -- under whose domain it is signed, eip155:<chain id>:<address>
  basis text NOT NULL CHECK (basis IN ('request', 'objection', 'unlawful', 'retention', 'legalDuty')),
  erased_at int8 NOT NULL,
  operator address NOT NULL,
  signature bytea NOT NULL,
  -- Whether it is gone from every store, and the files of this one have been written anew without it.
  completed boolean NOT NULL DEFAULT false,
  UNIQUE (digest, what)
);
CREATE INDEX erasures_of_documents ON erasures (what) WHERE what LIKE 'document:%';
CREATE INDEX erasures_to_complete ON erasures (number) WHERE NOT completed;

-- Statistics hold samples of what they are of, and outlive it. Nobody searches by these columns.
ALTER TABLE blocks ALTER COLUMN body SET STATISTICS 0;
ALTER TABLE block_keys ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE disclosures ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE identifiers ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE sets ALTER COLUMN wrapped SET STATISTICS 0;

-- Which entries hold the key of a document, or of another entry's envelope.
CREATE INDEX disclosures_of_keys ON disclosures (name) WHERE name LIKE 'document:%' OR name LIKE 'key:%';
