-- Parts that whoever took them out of something said are scrapped (`part.removed`), as long as an entry that counts says so.
-- Derived as `edges` are, and from the same entries. Those of the module Parts say it themselves.
CREATE TABLE scrapped (
  node uuid NOT NULL, -- the part
  parent uuid NOT NULL, -- what it was taken out of
  source uuid NOT NULL, -- in whose history that is stated
  digest bytes32 NOT NULL, -- by which entry, before its corrections
  PRIMARY KEY (node, parent, source, digest)
);
CREATE INDEX scrapped_source ON scrapped (source);

-- In their place was what entries said as they came in, whatever was corrected since.
DROP TABLE scrapped_parts;
INSERT INTO graph_due (subject) SELECT DISTINCT subject::bytea FROM links WHERE kind = 105 ON CONFLICT DO NOTHING;
