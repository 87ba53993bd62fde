"""`python -m workers.alert`: commands to alerts and the ticks that touch them into the tables, and who is told."""

from mesh import process
from workers.alert.service import open_worker
from workers.alert.settings import AlertSettings

if __name__ == "__main__":
    process.run_worker("alerts", AlertSettings, open_worker)
