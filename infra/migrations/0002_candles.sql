-- Candles: the columns they have, whose they are, and how far the workers and the imports are.
-- depends: 0001_accounts

-- Names are the truth here. The numbers that instruments have on the mesh live in its directory, and history that goes
-- back for decades must not hang on them.
CREATE TABLE candle_instruments (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    venue text NOT NULL CHECK (octet_length(venue) = 4),
    symbol text NOT NULL CHECK (octet_length(symbol) BETWEEN 1 AND 32),
    UNIQUE (venue, symbol)
);

-- The columns of every candles_* table, said once; it holds no rows.
CREATE TABLE candle_shape (
    instrument integer NOT NULL, -- candle_instruments.id
    session smallint NOT NULL, -- 0 regular, 1 extended
    starts_at timestamptz NOT NULL, -- the window's first instant; the label's midnight UTC for 1d, 1w and 1mo
    revision integer NOT NULL, -- amendments: late trades and corrections
    trades bigint NOT NULL,
    open double precision NOT NULL, -- NaN, as the other three: no trade of the window formed a price
    high double precision NOT NULL,
    low double precision NOT NULL,
    close double precision NOT NULL,
    volume_whole bigint NOT NULL, -- sums are exact: whole units and billionths
    volume_nano integer NOT NULL CHECK (volume_nano BETWEEN 0 AND 999999999),
    turnover_whole bigint NOT NULL,
    turnover_nano integer NOT NULL CHECK (turnover_nano BETWEEN 0 AND 999999999),
    PRIMARY KEY (instrument, starts_at, session)
);

-- How far the effects of each partition of the tape are in the tables, and which owner of it may write them.
CREATE TABLE candle_progress (
    worker text NOT NULL,
    partition smallint NOT NULL,
    fence bigint NOT NULL, -- rises with every change of owner
    sequence bigint NOT NULL, -- of the last tape message whose candles are here
    PRIMARY KEY (worker, partition)
);

-- How far each imported file is, so that an import that was stopped goes on where it was.
CREATE TABLE candle_imports (
    digest bytea NOT NULL,
    timeframe smallint NOT NULL,
    venue text NOT NULL,
    rows_done bigint NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (digest, timeframe, venue)
);
