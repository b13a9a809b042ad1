import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.tools.archive import file_modes, write_tar

# The owner's right to read is needed to pack a file.
any_modes = st.integers(0, 0o7777).map(lambda mode: mode | 0o400)


def test_of_owner_and_mode_only_the_executable_bit_is_kept(tmp_path: Path) -> None:
    for name, mode in {"plain": 0o600, "run": 0o710}.items():
        (tmp_path / name).write_bytes(b"")
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to("run")
    out = io.BytesIO()
    write_tar(tmp_path, out)
    out.seek(0)

    with tarfile.open(fileobj=out) as tar:
        found = {m.name: (m.mode, m.uid, m.uname, m.linkname) for m in tar}
    assert found == {
        "plain": (0o644, 0, "root", ""),
        "run": (0o755, 0, "root", ""),
        "link": (0o777, 0, "root", "run"),
    }


@given(st.lists(any_modes, min_size=1, max_size=5), any_modes)
@settings(deadline=None)
def test_a_file_of_any_mode_is_packed_as_0755_or_0644(files: list[int], folder: int) -> None:
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as unpacked:
        (Path(name) / "d").mkdir()
        for number, mode in enumerate(files):
            (Path(name) / f"d/{number}").touch()
            (Path(name) / f"d/{number}").chmod(mode)
        (Path(name) / "d").chmod(folder | 0o700)
        named, out = file_modes(Path(name)), io.BytesIO()
        write_tar(Path(name), out)
        subprocess.run(["tar", "-xpC", unpacked], input=out.getvalue(), check=True)
        found = {
            p.relative_to(unpacked).as_posix(): f"{p.stat().st_mode & 0o7777:04o}" for p in Path(unpacked).rglob("*")
        }

    runnable = {f"d/{number}": "0755" if mode & 0o111 else "0644" for number, mode in enumerate(files)}
    assert named == found == {"d": "0755", **runnable}


def test_file_modes_leave_out_links_which_have_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to("nowhere")

    assert file_modes(tmp_path) == {"folder": "0755"}
