ALTER TABLE alert_channels DROP COLUMN last_error;
