-- Checks of part codes, as coarsely as they are worth anything: which code, in which hour, in which country or cell of one
-- degree, how often. Nobody's address, account or device: there is nothing of a person to find here, or to erase.
CREATE TABLE scans (
  node uuid NOT NULL, -- of the part, by api/graph/nodes.ts
  hour int4 NOT NULL, -- since 1970
  place text NOT NULL CHECK (place ~ '^([A-Z]{2}|-?[0-9]{1,2},-?[0-9]{1,3})?$'), -- empty: not said
  count int4 NOT NULL CHECK (count > 0),
  PRIMARY KEY (node, hour, place)
);
CREATE INDEX scans_hour ON scans (hour);

-- Parts that a workshop said are scrapped when it took them out (`part.removed`); those of the module Parts say it themselves.
CREATE TABLE scrapped_parts (
  digest bytes32 NOT NULL,
  node uuid NOT NULL,
  PRIMARY KEY (digest, node)
);
CREATE INDEX scrapped_parts_node ON scrapped_parts (node);

-- How far the watch over what is mounted has come, in the order of the logs of the chain. A reorganisation takes it back.
CREATE TABLE watch_cursors (
  ledger int4 PRIMARY KEY,
  block_number int8 NOT NULL,
  log_index int4 NOT NULL
);
CREATE INDEX made_batches ON made (organisation) WHERE kind = 96;
CREATE INDEX links_mounting ON links (block_number, log_index) WHERE kind IN (17, 33, 104, 120);
CREATE INDEX links_holding ON links (subject) WHERE kind IN (99, 100);
