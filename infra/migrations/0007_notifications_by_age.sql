-- Notifications are found by their age once they are too old: a BRIN index costs a crash of 100,000 next to nothing.
-- depends: 0006_channel_errors

CREATE INDEX notifications_age ON notifications USING brin (created_at) WITH (autosummarize = on);
