-- Storage proofs of what reports say. A node gives them for recent blocks only, so they are taken at the head of the
-- chain and kept: one whose block has become final is worth more than a new one. `basis` is the SHA-256 of everything
-- that is proven (the heads of the directory, the subject, own chains and standing): with another basis a proof is
-- superseded. What is here is public, and can be taken anew.
CREATE TABLE report_proofs (
  subject bytes32 NOT NULL,
  chain_id uint256 NOT NULL,
  block_number int8 NOT NULL,
  block_hash bytes32 NOT NULL,
  block_timestamp int8 NOT NULL,
  basis bytes32 NOT NULL,
  recorded boolean NOT NULL, -- whether the subject has any entry: proofs of absence are not kept for long
  final boolean NOT NULL DEFAULT false,
  proof text NOT NULL, -- JSON, as reports carry it
  taken_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, chain_id, block_number)
);
CREATE INDEX report_proofs_age ON report_proofs (taken_at);
