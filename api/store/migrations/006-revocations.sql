-- Revocations of consents, each for good, whether or not its consent is here: what it names is not stored again. The file
-- that outlives backups (`erasures.ndjson`) is what counts; this is its index.
CREATE TABLE revocations (
  number int8 PRIMARY KEY, -- in the order in which they came in here, from 1
  consent bytes32 NOT NULL UNIQUE,
  ledger text NOT NULL, -- under whose domain it is signed, eip155:<chain id>:<address>
  revocation jsonb NOT NULL, -- as in consents.revocation
  revoked_at timestamptz(3) NOT NULL
);
