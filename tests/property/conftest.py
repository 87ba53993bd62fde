"""Property tests try the same examples every time, and a busy machine is no reason to fail."""

from hypothesis import settings

settings.register_profile("tickmesh", deadline=None, derandomize=True, database=None)
settings.load_profile("tickmesh")
