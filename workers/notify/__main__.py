"""`python -m workers.notify`: what is to be told, out by mail, web push, webhook and Apprise."""

from mesh import process
from workers.notify.service import open_worker
from workers.notify.settings import NotifySettings

if __name__ == "__main__":
    process.run_worker("notify", NotifySettings, open_worker)
