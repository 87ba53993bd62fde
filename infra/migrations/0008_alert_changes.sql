-- A rule that fires changes no index: what a transaction wrote is found in a table of its own, and indexes hold nothing
-- that a tick changes. So Postgres writes a new row beside the old one, and a crash of 100,000 costs a third less.
-- depends: 0007_notifications_done

CREATE TABLE alert_changes (
    partition smallint NOT NULL,
    revision bigint NOT NULL, -- of its partition, by the transaction: there is a row for each
    numbers bigint[] NOT NULL, -- of the alerts that it wrote
    firings uuid[] NOT NULL, -- their ids
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, revision)
);

-- They are not worth compressing while a crash is written.
ALTER TABLE alert_changes ALTER COLUMN numbers SET STORAGE EXTERNAL, ALTER COLUMN firings SET STORAGE EXTERNAL;

-- What one alert fired is found among its user's firings.
DROP INDEX alerts_partition, alerts_active, alerts_user, alert_firings_alert;

-- In a page that is half full each rule can change once, as they do where a whole market falls.
ALTER TABLE alerts
    DROP COLUMN revision,
    ADD COLUMN deleted boolean GENERATED ALWAYS AS (state = 'deleted') STORED,
    ADD COLUMN counted boolean NOT NULL DEFAULT true, -- may be active; a tick leaves it, the next count puts it right
    SET (fillfactor = 50);

CREATE INDEX alerts_partition ON alerts (partition, number);
CREATE INDEX alerts_counted ON alerts (user_id) WHERE counted;
CREATE INDEX alerts_user ON alerts (user_id, created_at DESC, id DESC) WHERE NOT deleted;
