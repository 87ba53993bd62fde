DROP TABLE portfolio_closes;
DROP TABLE portfolio_days;
DROP TABLE ledger_progress;
DROP TABLE commands;
DROP TABLE holdings;
DROP TABLE transactions;
DROP TABLE portfolios;
