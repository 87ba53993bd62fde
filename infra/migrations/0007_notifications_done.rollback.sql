DROP INDEX notifications_done;
