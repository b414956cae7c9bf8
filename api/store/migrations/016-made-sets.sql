-- The entries that a batch's set was handed over with, beside the entry that counts: a correction that keeps the set is handed
-- over none of its own. Derived as `made` is.
CREATE TABLE made_sets (
  node uuid NOT NULL, -- the batch
  holder bytes32 NOT NULL, -- as in `sets` and `serials`
  digest bytes32 NOT NULL, -- as in `made`
  PRIMARY KEY (node, holder, digest)
);
INSERT INTO made_sets SELECT node, digest, digest FROM made WHERE kind = 96;
INSERT INTO graph_due (subject) SELECT DISTINCT subject::bytea FROM links WHERE kind = 120 ON CONFLICT DO NOTHING;
