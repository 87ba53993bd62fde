"""What portfolios are worth: positions in columns, one portfolio's valuation, and its history by days. Pure."""
