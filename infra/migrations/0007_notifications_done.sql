-- Notifications of which nothing more comes are found by their age once they are too old. One that is written, by the
-- 100,000 in a crash, is not of them yet.
-- depends: 0006_channel_errors

CREATE INDEX notifications_done ON notifications (created_at) WHERE state IN ('sent', 'dead');
