"""Every page: its JSON parses, its links lead somewhere, and what it names exists."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from mesh.settings import PREFIX
from workers.feed.adapter import FeedSpec
from workers.feed.adapters import ADAPTERS, open_adapter

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"))
)
CodeIn = Callable[[str], list[tuple[str, str]]]
TableUnder = Callable[[str, str], list[list[str]]]

each_page = pytest.mark.parametrize("page", PAGES)


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: str) -> set[str]:
    """Give a page's headings as GitHub writes their anchors."""
    headings = re.findall(r"^#+ (.+)$", without_code(text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: str) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(page)))


def test_the_pages_are_found() -> None:
    assert {"README.md", "subjects.md", "docs/architecture.md", "examples/README.md"} <= set(PAGES)


@each_page
def test_json_parses(page: str, code_in: CodeIn) -> None:
    for language, text in code_in(text_of(page)):
        if language == "json":
            json.loads(text)


@each_page
def test_links_lead_somewhere(page: str) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT).as_posix()), f"{page}: {link}"


@each_page
def test_code_spans_are_whole_on_their_lines(page: str) -> None:
    for line in without_code(text_of(page)).splitlines():
        assert line.count("`") % 2 == 0, f"{page}: {line}"


@each_page
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"`([^`\n]+)`", text_of(page)) + re.findall(r"^make .*$", text_of(page), re.MULTILINE)
    named = {match[1] for text in code if (match := re.match(r"make ([a-z]+)", text))}
    assert named <= targets


def test_every_make_target_is_described(table_under: TableUnder) -> None:
    described = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)) - {"help"}
    assert {row[0].strip("`").removeprefix("make ") for row in table_under("CONTRIBUTING.md", "Set up")} == described


@each_page
def test_variables_are_settings(page: str) -> None:
    known = set(re.findall(rf"`({PREFIX}\w+)`", text_of("docs/operations.md"))) | {f"{PREFIX}DATA"}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", text_of(page))) <= known


@each_page
def test_files_that_are_named_exist(page: str) -> None:
    folders = "market|mesh|workers|gateway|infra|web|tests|bench|docs|examples|requirements"
    for name in re.findall(rf"`((?:{folders})/[^`\s*…]*)`", text_of(page)):
        is_built = name.startswith(("gateway/static", "web/node_modules"))
        assert is_built or "NNNN" in name or (ROOT / name).exists(), f"{page}: {name}"


@each_page
def test_pages_speak_of_the_product_alone(page: str) -> None:
    assert not re.search(r"/root/|/home/|/tmp/|/work/|localhost:\d", text_of(page))


@pytest.mark.parametrize("spec", re.findall(r"FEED=(\S+)", text_of("README.md")))
def test_feeds_of_the_readme_can_be_run(spec: str) -> None:
    if spec.startswith("sim"):
        open_adapter(spec)
    else:
        parsed = FeedSpec.parse(spec)
        assert parsed.name in ADAPTERS
        parsed.only("speed", "loop")


def test_the_readme_fits_and_shows_the_page() -> None:
    lines = text_of("README.md").splitlines()
    assert len(lines) <= 120
    first_screen = "\n".join(lines[:30])
    for shown in ("docs/picture.png", "make up", "make test", "nats-server"):
        assert shown in first_screen
    picture = (ROOT / "docs/picture.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])) == (1280, 760)
    assert len(picture) < 250_000


def test_every_decision_is_listed_and_has_its_parts() -> None:
    pages = sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))
    assert [link for link in links("docs/adr/README.md") if link.startswith("0")] == pages
    for number, name in enumerate(pages, 1):
        text = text_of(f"docs/adr/{name}")
        assert name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_version_is_the_packages() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert f"## [{version}]" in text_of("CHANGELOG.md")


def test_pre_commit_downloads_nothing() -> None:
    config = ROOT / ".pre-commit-config.yaml"
    repositories = yaml.safe_load(config.read_text())["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    assert {hook["language"] for repository in repositories for hook in repository["hooks"]} == {"system"}


def test_the_licence_is_whole() -> None:
    text = text_of("LICENSE")
    assert "Apache License\n" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Tickmesh contributors" in text


def test_the_examples_compile() -> None:
    compile(text_of("examples/subscriber.py"), "subscriber.py", "exec")
    assert subprocess.run(["/bin/sh", "-n"], input="\n".join(_shell_lines()), text=True, check=False).returncode == 0


def _shell_lines() -> Iterator[str]:
    for page in PAGES:
        yield from re.findall(r"^```sh\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE)
