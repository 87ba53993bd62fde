-- Users, and the logins that their refresh tokens keep alive.
-- depends:

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL CHECK (octet_length(email) BETWEEN 3 AND 254),
    password_hash text NOT NULL CHECK (octet_length(password_hash) <= 512),
    created_at timestamptz NOT NULL
);

-- One account per address, however it is capitalised; the gateway finds a user by the same expression.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- One row is one login: the family of refresh tokens that follow from it, of which exactly one is valid at a time.
-- A rotation overwrites the hash in place instead of adding a row, so the table grows with logins, not with time,
-- and since no indexed column changes, Postgres can update within the page (HOT), for which the pages keep room.
CREATE TABLE refresh_families (
    family uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    issued_at timestamptz NOT NULL,
    rotated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
) WITH (fillfactor = 80);

CREATE INDEX refresh_families_user_id ON refresh_families (user_id);
