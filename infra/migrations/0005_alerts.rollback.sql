DROP TABLE alert_progress;
DROP TABLE alert_commands;
DROP TABLE notifications;
DROP TABLE alert_channels;
DROP TABLE alert_firings;
DROP TABLE alerts;
DROP TABLE alert_users;
