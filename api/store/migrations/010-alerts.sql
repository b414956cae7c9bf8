-- Alerts from one company to another, what was answered, and the links of companies that are not on the network. All that an
-- alert says is sealed in its entry; here is only what finds it, and who has to be told. What counts is found out from the
-- entries that are on the ledger each time.

CREATE TABLE alerts (
  digest bytes32 PRIMARY KEY, -- of the alert.raised entry
  attester int8 NOT NULL,
  reference bytea NOT NULL UNIQUE CHECK (octet_length(reference) = 16),
  recipient int8, -- null: a company that answers through a link
  due int8, -- seconds since 1970: until when an answer is expected
  passes_attester int8, -- the alert that this one passes on
  passes_reference bytea CHECK (octet_length(passes_reference) = 16),
  disclosed boolean NOT NULL, -- whoever raised that one may see the recipient
  accepted_at timestamptz(3) NOT NULL,
  told_at timestamptz(3), -- its recipient, once it was on the ledger
  reminded_at timestamptz(3), -- its recipient, before the time is over
  overdue_at timestamptz(3), -- both, afterwards
  CHECK (num_nonnulls(passes_attester, passes_reference) IN (0, 2))
);
CREATE INDEX alerts_in ON alerts (recipient, accepted_at, digest) WHERE recipient IS NOT NULL;
CREATE INDEX alerts_out ON alerts (attester, accepted_at, digest);
CREATE INDEX alerts_passed_on ON alerts (passes_reference) WHERE passes_reference IS NOT NULL;
CREATE INDEX alerts_to_tell ON alerts (accepted_at) WHERE told_at IS NULL;
CREATE INDEX alerts_due ON alerts (due) WHERE due IS NOT NULL AND overdue_at IS NULL;

-- Answers, also those to alerts that are not here (yet).
CREATE TABLE alert_answers (
  digest bytes32 PRIMARY KEY, -- of the alert.answered entry
  organisation int8 NOT NULL,
  attester int8 NOT NULL, -- of the alert
  reference bytea NOT NULL CHECK (octet_length(reference) = 16),
  status text NOT NULL CHECK (status IN ('acknowledged', 'accepted', 'declined', 'forwarded', 'closed')),
  reason boolean NOT NULL, -- whether it gives one
  forwards bytea NOT NULL CHECK (octet_length(forwards) % 16 = 0), -- references, end to end
  link bytes32, -- the link whose holder's answer it attests, by its hash
  accepted_at timestamptz(3) NOT NULL,
  told_at timestamptz(3)
);
CREATE INDEX alert_answers_of ON alert_answers (reference);
CREATE INDEX alert_answers_to_tell ON alert_answers (accepted_at) WHERE told_at IS NULL;

-- Signed links (docs/protocol.md §18). Neither the token nor what opens the alert is here, only the hash of the latter; and
-- of whoever opened it first only the hash of a secret that their device made.
CREATE TABLE alert_links (
  hash bytes32 PRIMARY KEY,
  alert bytes32 NOT NULL REFERENCES alerts (digest) ON DELETE CASCADE,
  bearer bytes32 NOT NULL UNIQUE,
  valid_until int8 NOT NULL,
  link jsonb NOT NULL, -- all of it, with its signature, as the protocol writes it
  created_at timestamptz(3) NOT NULL,
  replaced_at timestamptz(3), -- by a newer link for the same alert
  visitor bytes32,
  openings int8 NOT NULL DEFAULT 0,
  opened_at timestamptz(3),
  answer bytea, -- the holder's last signed answer, wrapped
  answered_at timestamptz(3)
);
CREATE INDEX alert_links_alert ON alert_links (alert, created_at);
CREATE INDEX alert_links_until ON alert_links (valid_until);
ALTER TABLE alert_links ALTER COLUMN answer SET STATISTICS 0;
