-- Which entries were made from which event: by the keyed hash of what they seal as `eventHash` or `eventId`
-- (api/events/names.ts). Without the keyring the names say no more than that entries have one of these in common.
CREATE TABLE events (
  name uuid NOT NULL,
  organisation int8 NOT NULL, -- who sealed it
  digest bytes32 NOT NULL, -- the entry
  field text NOT NULL CHECK (field IN ('eventHash', 'eventId')), -- in which field: the row goes with it
  kind int2 NOT NULL,
  subject bytes32 NOT NULL, -- zeros: on the organisation's own chain
  -- In this order: who looks for a name among its own entries never comes by those of others.
  PRIMARY KEY (name, organisation, digest)
);
CREATE INDEX events_digest ON events (digest);

-- Entries from before this version, whose names are still to be made.
CREATE TABLE events_due (
  digest bytes32 PRIMARY KEY
);
INSERT INTO events_due SELECT DISTINCT digest FROM disclosures WHERE name IN ('eventHash', 'eventId');
