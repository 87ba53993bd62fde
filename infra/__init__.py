"""Everything around the platform: its servers, their settings, SQL migrations and the one-command local stack."""
