-- Notices, what fleets want notices of, and which entries on the ledger notices were made from.

-- Who gets notices: an organisation (8 bytes, its number) or an account. Its row is locked while the box grows, so that
-- whoever asks for what came after a number misses none.
CREATE TABLE notice_boxes (
  recipient bytea PRIMARY KEY CHECK (octet_length(recipient) IN (8, 20)),
  last int8 NOT NULL CHECK (last >= 0) -- the number of its last notice
);

CREATE TABLE notices (
  recipient bytea NOT NULL CHECK (octet_length(recipient) IN (8, 20)),
  number int8 NOT NULL CHECK (number > 0), -- in its box
  kind text NOT NULL,
  name bytea NOT NULL CHECK (octet_length(name) = 16), -- keyed, of the kind and what it is about: one is posted once
  digest bytes32, -- the entry that it tells of: it is erased with it
  wrapped bytea NOT NULL, -- what it is about and what it says, JSON
  posted_at timestamptz(3) NOT NULL DEFAULT now(),
  read_at timestamptz(3),
  PRIMARY KEY (recipient, number),
  UNIQUE (recipient, name)
);
ALTER TABLE notices ALTER COLUMN wrapped SET STATISTICS 0;
CREATE INDEX notices_unread ON notices (recipient, number) WHERE read_at IS NULL;
CREATE INDEX notices_digest ON notices (digest) WHERE digest IS NOT NULL;
CREATE INDEX notices_age ON notices (posted_at);

-- The vehicles, batches and parts that an organisation wants notices of, by their nodes (api/graph/nodes.ts).
CREATE TABLE subscriptions (
  organisation int8 NOT NULL,
  node uuid NOT NULL,
  wrapped bytea NOT NULL, -- the identifier
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (organisation, node)
);
ALTER TABLE subscriptions ALTER COLUMN wrapped SET STATISTICS 0;
CREATE INDEX subscriptions_node ON subscriptions (node);

-- The entries of recalls and of quarantines that are final on the ledger, and how far their notices have come: of each
-- stretch of its set the notices are posted in the transaction that moves `told` over it.
CREATE TABLE announcements (
  digest bytes32 PRIMARY KEY,
  ledger int4 NOT NULL,
  kind int2 NOT NULL,
  told int8 NOT NULL DEFAULT 0,
  begun_at timestamptz(3) NOT NULL DEFAULT now(),
  done_at timestamptz(3)
);
CREATE INDEX announcements_open ON announcements (begun_at) WHERE done_at IS NULL;

-- They are looked for by their kinds: batch.quarantined, batch.released.
CREATE INDEX links_quarantines ON links (kind, block_number) WHERE kind IN (99, 100);

-- The numbers of campaigns, keyed, and the entry that opened each: a number is used once.
CREATE TABLE campaigns (
  name bytea PRIMARY KEY CHECK (octet_length(name) = 16), -- of attester and number
  organisation int8 NOT NULL,
  digest bytes32 NOT NULL
);

-- The vehicles that the final entries of campaigns list, by their nodes.
CREATE TABLE recalled (
  digest bytes32 NOT NULL,
  node uuid NOT NULL,
  PRIMARY KEY (digest, node)
);
CREATE INDEX recalled_node ON recalled (node);

-- Remedies by campaign, and their corrections. They are here once accepted; whether one is on the ledger yet is what
-- `links` says of its digest.
CREATE TABLE remedies (
  digest bytes32 PRIMARY KEY,
  subject bytes32 NOT NULL,
  node uuid NOT NULL, -- the vehicle
  supersedes bytes32, -- of a correction
  campaign bytea CHECK (octet_length(campaign) = 16), -- null: it takes the other one back
  outcome text CHECK (outcome IN ('remedied', 'notNeeded')),
  day int4 -- when it was done, days since 1970
);
CREATE INDEX remedies_campaign ON remedies (campaign);
CREATE INDEX remedies_supersedes ON remedies (supersedes) WHERE supersedes IS NOT NULL;
