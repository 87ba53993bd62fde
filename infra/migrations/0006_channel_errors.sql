-- A channel says what stood against the last message that was sent there.
-- depends: 0005_alerts

ALTER TABLE alert_channels ADD COLUMN last_error text NOT NULL DEFAULT ''; -- empty: it was taken, or none was sent yet
