"""How the table's cells are put."""

from bench.fanout.scene import Window
from bench.processes import Figures


def ages(figures: Figures) -> str:
    """Say how old updates were."""
    return f"p50 {figures['p50']:.1f}, p99 {figures['p99']:.1f}, max {figures['max']:.0f} ms"


def faults(window: Window, at_the_end: Figures) -> str:
    """Say what was wrong with what came: order, instruments nobody asked for, and what was missing at the end."""
    received = window.clients
    return (
        f"{received['went_back']} updates out of order, {received['unexpected']} not asked for, "
        f"{received['closed']} connections lost; after the publisher stopped {at_the_end['missing']} of "
        f"{at_the_end['held']:,} were not at the last sequence {at_the_end['took_s']:.2f} s later, and "
        f"{at_the_end['differing']} of {at_the_end['sampled']} sampled states, merged from deltas, differed. "
        f"{besides(window)}"
    )


def besides(window: Window) -> str:
    """Say what else clients were told: overload, errors, closes."""
    others = window.clients["others"]
    told = ", ".join(f"{count} x {what}" for what, count in others.items()) or "nothing"
    return f"Besides data clients were told {told}"


def is_faultless(window: Window, at_the_end: Figures) -> bool:
    """Tell whether nothing was wrong."""
    received = window.clients
    return not (
        received["went_back"]
        or received["unexpected"]
        or received["closed"]
        or at_the_end["missing"]
        or at_the_end["differing"]
    )


def generator(received: Figures) -> str:
    """Say what the clients' own process needed."""
    turn = received["turn_ms"]
    return (
        f"Clients' process: {received['cores']:.2f} cores, a round of reading and checking p99 {turn['p99']:.1f}, "
        f"max {turn['max']:.0f} ms"
    )
