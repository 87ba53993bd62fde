DROP INDEX notifications_age;
