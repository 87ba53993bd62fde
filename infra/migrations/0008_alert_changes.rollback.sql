DROP INDEX alerts_partition, alerts_counted, alerts_user;

ALTER TABLE alerts
    DROP COLUMN counted,
    DROP COLUMN deleted,
    ADD COLUMN revision bigint NOT NULL DEFAULT 0,
    SET (fillfactor = 80);

-- Checkpoints are of revisions that no alert has any more: whatever was written since must be found.
UPDATE alerts a SET revision = p.revision FROM alert_progress p WHERE p.partition = a.partition;

CREATE INDEX alerts_partition ON alerts (partition, revision);
CREATE INDEX alerts_active ON alerts (user_id) WHERE state IN ('armed', 'waiting', 'dormant', 'paused');
CREATE INDEX alert_firings_alert ON alert_firings (alert_id, recorded_at DESC, id DESC);
CREATE INDEX alerts_user ON alerts (user_id, created_at DESC, id DESC) WHERE state <> 'deleted';

DROP TABLE alert_changes;
