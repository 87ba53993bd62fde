-- Portfolios: what the commands on the stream LEDGER came to. Replaying the stream into empty tables gives the same rows,
-- but for fences. Quantities and money have 8 decimals, as many as an int64 of 1e-8 can hold of what the ledger allows.
-- depends: 0002_candles

-- One user's portfolios are all in one partition, whose owner alone writes them. Names are unique by its decisions,
-- which know more of letters than an index: commands of one batch may exchange two names.
CREATE TABLE portfolios (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL, -- no reference: an account that ends must not hold up the ledger
    partition smallint NOT NULL,
    name text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    cash numeric(28, 8) NOT NULL,
    deposited numeric(28, 8) NOT NULL, -- deposits less withdrawals
    fees numeric(28, 8) NOT NULL,
    realized numeric(28, 8) NOT NULL,
    dividends numeric(28, 8) NOT NULL,
    symbols integer NOT NULL, -- rows in holdings
    transactions integer NOT NULL, -- rows in transactions
    latest_at timestamptz NOT NULL, -- the greatest executed_at of these
    revision bigint NOT NULL -- LEDGER's sequence of the last command that changed it
) WITH (fillfactor = 80);

CREATE INDEX portfolios_user_id ON portfolios (user_id) WHERE deleted_at IS NULL;
CREATE INDEX portfolios_partition ON portfolios (partition) WHERE deleted_at IS NULL;

-- Never changed, never removed: a correction is a row of its own that names the one it replaces.
CREATE TABLE transactions (
    id uuid PRIMARY KEY,
    portfolio_id uuid NOT NULL REFERENCES portfolios (id),
    sequence bigint NOT NULL, -- LEDGER's, of its command
    line integer NOT NULL, -- of an imported file, 0 elsewhere
    place_sequence bigint NOT NULL, -- of the first in its chain of corrections, in whose place it stands
    place_line integer NOT NULL,
    kind text NOT NULL,
    symbol text NOT NULL, -- venue:symbol; empty where only cash moves
    quantity numeric(28, 8) NOT NULL,
    price numeric(28, 8) NOT NULL,
    commission numeric(28, 8) NOT NULL,
    executed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    corrects uuid UNIQUE REFERENCES transactions (id),
    void boolean NOT NULL, -- it only takes back what it corrects
    note text NOT NULL
);

CREATE INDEX transactions_newest ON transactions (portfolio_id, executed_at, place_sequence, place_line, sequence);
CREATE INDEX transactions_symbol ON transactions (portfolio_id, symbol);

CREATE TABLE holdings (
    portfolio_id uuid NOT NULL REFERENCES portfolios (id),
    symbol text NOT NULL,
    quantity numeric(28, 8) NOT NULL CHECK (quantity >= 0),
    cost numeric(28, 8) NOT NULL,
    realized numeric(28, 8) NOT NULL,
    dividends numeric(28, 8) NOT NULL,
    bought numeric(28, 8) NOT NULL,
    sold numeric(28, 8) NOT NULL,
    commissions numeric(28, 8) NOT NULL,
    last_executed_at timestamptz NOT NULL,
    PRIMARY KEY (portfolio_id, symbol)
) WITH (fillfactor = 80);

-- Every command that was decided, and its answer: what a retry gets, whenever it comes.
CREATE TABLE commands (
    id uuid PRIMARY KEY,
    user_id uuid, -- NULL: the command could not be read
    partition smallint NOT NULL,
    sequence bigint NOT NULL, -- LEDGER's
    digest bytea NOT NULL, -- of the request as it was sent: another one under the same id is refused
    status smallint NOT NULL,
    answer json, -- NULL: no body
    recorded_at timestamptz NOT NULL
);

-- How far each partition of LEDGER is in these tables, and which owner of it may write them.
CREATE TABLE ledger_progress (
    partition smallint PRIMARY KEY,
    fence bigint NOT NULL, -- rises with every change of owner
    sequence bigint NOT NULL -- of the last command that was decided
) WITH (fillfactor = 20); -- it changes with every batch

-- Each portfolio as of the regular close of a day.
CREATE TABLE portfolio_days (
    portfolio_id uuid NOT NULL REFERENCES portfolios (id),
    day date NOT NULL,
    total_value numeric(28, 8) NOT NULL,
    market_value numeric(28, 8) NOT NULL,
    cash numeric(28, 8) NOT NULL,
    cost numeric(28, 8) NOT NULL,
    realized numeric(28, 8) NOT NULL,
    net_flow numeric(28, 8) NOT NULL, -- deposits less withdrawals since the day before
    priced_at timestamptz NOT NULL,
    PRIMARY KEY (portfolio_id, day)
);

-- How far the days of a portfolio are made, and of which revision of it.
CREATE TABLE portfolio_closes (
    portfolio_id uuid PRIMARY KEY REFERENCES portfolios (id),
    revision bigint NOT NULL,
    until timestamptz NOT NULL
);
