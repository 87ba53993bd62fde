"""`python -m workers.candle`: the tape into candles."""

from mesh import process
from workers.candle.service import open_worker
from workers.candle.settings import CandleSettings

if __name__ == "__main__":
    process.run_worker("candles", CandleSettings, open_worker)
