"""One view of folders and zips: the same files either way, and what an untrusted zip can do."""

import os
import struct
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from core.data import archive as archive_module
from core.data.archive import Archive, open_archive, stem, suffix
from core.errors import InputError

FILES = {
    "images/a (1).PNG": b"one",
    "images/größe 2.png": b"two" * 5000,
    "masks/a (1).png": b"",
    "notes.txt": b"text",
}
LITTER = ("__MACOSX/._a.png", "images/.DS_Store", "images/Thumbs.db", "images/._a (1).PNG")
Pack = Callable[[Path, dict[str, bytes]], Path]


def as_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    path.mkdir(exist_ok=True)
    return path


def as_zip(path: Path, files: dict[str, bytes]) -> Path:
    target = path.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("images/", b"")  # as most programs do
        for name, content in files.items():
            container.writestr(name, content)
    return target


def as_folder_with_zip(path: Path, files: dict[str, bytes]) -> Path:
    path.mkdir()
    as_zip(path / "download", files)
    (path / "LICENSE.txt").write_text("free")
    return path


every_kind = pytest.mark.parametrize("pack", [as_folder, as_zip, as_folder_with_zip])


@every_kind
def test_the_same_files_either_way(pack: Pack, tmp_path: Path) -> None:
    litter = dict.fromkeys([*LITTER, "desktop.ini", ".git/config"], b"x")
    archive = open_archive(pack(tmp_path / "data", FILES | litter))
    assert archive.names == tuple(sorted(FILES))
    assert archive.sizes["images/größe 2.png"] == 15000
    for name, content in FILES.items():
        assert archive.read(name) == content
        assert archive.head(name, 7) == content[:7]
        with archive.open(name) as stream:
            assert stream.read() == content
    assert archive.under("images/") == ["images/a (1).PNG", "images/größe 2.png"]
    assert archive.folders == {"images", "masks"}
    with pytest.raises(InputError, match=r"images/b\.png: no such file"):
        archive.read("images/b.png")


def test_parts_of_a_name() -> None:
    assert [suffix(n) for n in ("a.b/c.PNG", "a.b/c", "a/.hidden", "x.tar.gz")] == [
        ".png",
        "",
        "",
        ".gz",
    ]
    assert [stem(n) for n in ("a/c (1).d.PNG", "a.b/c", "x")] == ["c (1).d", "c", "x"]


@every_kind
def test_the_root_is_found_below_nested_folders(pack: Pack, tmp_path: Path) -> None:
    files = {"a/b/Images/x.png": b"", "a/b/masks/x.png": b"", "a/other/masks/y.png": b""}
    archive = open_archive(pack(tmp_path / "data", files))
    assert archive.find_root("images", "masks") == "a/b/"
    with pytest.raises(InputError, match=r"no truth or table\.csv in it"):
        archive.find_root("truth", "table.csv")
    flat = open_archive(pack(tmp_path / "flat", {"images/x.png": b""}))
    assert flat.find_root("images") == ""


def test_two_equal_roots_are_refused(tmp_path: Path) -> None:
    archive = open_archive(as_folder(tmp_path / "data", {"a/2d/x": b"", "b/2d/x": b""}))
    with pytest.raises(InputError, match=r"2 times \(a/, b/\); give one"):
        archive.find_root("2d")


@every_kind
def test_the_fingerprint_is_of_content_not_of_place(pack: Pack, tmp_path: Path) -> None:
    first = open_archive(pack(tmp_path / "one", FILES))
    os.utime(pack(tmp_path / "two", FILES), (0, 0))
    second = open_archive(next(p for p in tmp_path.iterdir() if p.stem == "two"))
    changed = open_archive(pack(tmp_path / "three", FILES | {"masks/a (1).png": b"edited"}))
    prints = [found.fingerprint(FILES) for found in (first, second, changed)]
    assert prints[0] == prints[1] != prints[2]


def test_a_folder_counts_names_below_the_root_and_only_files_in_use(tmp_path: Path) -> None:
    flat = open_archive(as_folder(tmp_path / "flat", {"a": b"1", "b": b"2", "c": b"3"}))
    nested = open_archive(as_folder(tmp_path / "nested", {"top/a": b"1", "top/b": b"2"}))
    assert flat.fingerprint(["b", "a"]) == nested.fingerprint(["top/a", "top/b"], "top/")


def test_threads_share_a_zip(tmp_path: Path) -> None:
    files = {f"{n}.bin": bytes([n % 251]) * (1000 + n) for n in range(200)}
    archive = open_archive(as_zip(tmp_path / "data", files))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(archive.read, list(files) * 5)) == list(files.values()) * 5


def test_a_hundred_thousand_entries_are_listed_fast(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as container:
        for n in range(100_000):
            container.writestr(zipfile.ZipInfo(f"images/{n % 100}/{n}.png"), b"")
    start = time.perf_counter()
    archive = open_archive(path)
    assert len(archive.names) == 100_000
    assert archive.find_root("images") == ""
    assert time.perf_counter() - start < 15, "seconds; about two on an idle core"


def test_links_inside_a_folder_are_followed_and_others_refused(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "data", FILES)
    (folder / "link.png").symlink_to(folder / "images" / "a (1).PNG")
    (folder / "again").symlink_to(folder / "images")
    assert open_archive(folder).read("link.png") == b"one"
    assert not open_archive(folder).under("again/")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    for target in (tmp_path / "secret.txt", tmp_path):
        (folder / "bad").symlink_to(target)
        with pytest.raises(InputError, match="bad: leads outside"):
            open_archive(folder)
        with pytest.raises(InputError, match="leads outside"):
            open_archive(folder, only=["bad"] if target.is_file() else ["bad/secret.txt"])
        (folder / "bad").unlink()


def with_link(path: Path, target: str) -> Path:
    with zipfile.ZipFile(path, "w") as container:
        container.writestr("masks/b.png", b"here")
        link = zipfile.ZipInfo("images/a.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        container.writestr(link, target)
    return path


@pytest.mark.parametrize("target", ["/etc/passwd", "../../b.png", "../masks/../../b.png"])
def test_links_that_leave_a_zip_are_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError, match=r"images/a\.png: a link to outside the zip"):
        open_archive(with_link(tmp_path / "links.zip", target))


def test_links_inside_a_zip_are_left_out(tmp_path: Path) -> None:
    assert open_archive(with_link(tmp_path / "in.zip", "../masks/b.png")).names == ("masks/b.png",)


@pytest.mark.parametrize("name", ["../x.png", "a/../../x", "/etc/x", "C:/x", "c:x", "..\\x.png"])
def test_zip_slip_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="would lie outside"):
        open_archive(as_zip(tmp_path / "slip", {"a.png": b"", name: b""}))


def test_a_windows_zip_has_backslashes(tmp_path: Path) -> None:
    archive = open_archive(as_zip(tmp_path / "data", {"images\\a.png": b"1", "./b//c.png": b"2"}))
    assert archive.names == ("b/c.png", "images/a.png")
    assert archive.read("images/a.png") == b"1"


def test_a_bomb_is_refused_by_its_claim(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "bomb", {"a.png": bytes(110_000_000)})
    assert path.stat().st_size < 200_000
    with pytest.raises(InputError, match=r"a\.png: .* claim to hold 110,000,000; a zip bomb"):
        open_archive(path)


def test_much_compressed_but_small_is_no_bomb(tmp_path: Path) -> None:
    blank = bytes(5_000_000)
    assert open_archive(as_zip(tmp_path / "blank", {"a.tif": blank})).read("a.tif") == blank


def lie_about_size(path: Path, claimed: int) -> Path:
    """The central directory of a zip with one entry claims another size."""
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\1\2")
    struct.pack_into("<L", content, at + 24, claimed)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("claimed", [10, 99_000_001])
def test_an_entry_that_is_not_of_its_claimed_size_is_refused(tmp_path: Path, claimed: int) -> None:
    path = tmp_path / "lie.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("a.png", bytes(50_000_000))
    archive = open_archive(lie_about_size(path, claimed))
    with pytest.raises(InputError, match=r"lie\.zip: a\.png: damaged, or not what its header"):
        archive.read("a.png")


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as container:
        container.writestr("a.png", b"content")
    content = bytearray(path.read_bytes())
    content[content.find(b"content")] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: damaged"):
        open_archive(path).read("a.png")


def test_totals_and_counts_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = as_zip(tmp_path / "data", FILES), as_folder(tmp_path / "folder", FILES)
    monkeypatch.setattr(archive_module, "MAX_TOTAL_BYTES", 1000)
    with pytest.raises(InputError, match="more than is believable"):
        open_archive(path)
    monkeypatch.setattr(archive_module, "MAX_ENTRIES", 3)
    for given in (path, folder):
        with pytest.raises(InputError, match="more than 3 files; give the data set's own"):
            open_archive(given)
    monkeypatch.setattr(archive_module, "MAX_ENTRY_BYTES", 2)
    monkeypatch.setattr(archive_module, "MAX_ENTRIES", 100)
    with pytest.raises(InputError, match="too large to read"):
        open_archive(folder).read("notes.txt")


def test_a_claimed_million_entries_is_refused_before_listing(tmp_path: Path) -> None:
    path = tmp_path / "million.zip"
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 10**7, 10**7, 10**9, 0)
    path.write_bytes(record + locator + end)
    with pytest.raises(InputError, match="more than 1,000,000 files"):
        open_archive(path)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "secret", {"a.png": b"x"})
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: encrypted; save the zip without a password"):
        open_archive(path)


def test_an_uncommon_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as container:
        container.writestr("a.png", b"x" * 100)
    with pytest.raises(InputError, match=r"a\.png: compressed in an uncommon way"):
        open_archive(tmp_path / "lzma.zip")


@pytest.mark.parametrize("keep", [0, 0.01, 0.5, 0.9, 0.999])
def test_a_zip_cut_short_is_refused(tmp_path: Path, keep: float) -> None:
    path = as_zip(tmp_path / "cut", FILES)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError, match=r"cut\.zip: not a zip"):
        open_archive(path)


def test_a_corrupted_table_of_contents_is_refused_or_harmless(tmp_path: Path) -> None:
    content = as_zip(tmp_path / "good", FILES).read_bytes()
    path = tmp_path / "bad.zip"
    messages = []
    for at in range(content.find(b"PK\1\2"), len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        with suppress(InputError):
            archive = open_archive(path)
            messages += [refusal(archive, name) for name in archive.names]
    assert not any("\n" in message for message in messages)


def refusal(archive: Archive, name: str) -> str:
    """The message that reading a file ends in; empty where it can be read."""
    try:
        archive.read(name)
    except InputError as fault:
        return str(fault)
    return ""


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such file or folder; check the path"):
        open_archive(tmp_path / "nowhere")
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"a\.png: not a zip"):
        open_archive(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a folder nor a zip"):
        open_archive(tmp_path / "pipe")
    with pytest.raises(InputError, match="cannot be opened"):
        open_archive(Path("nul\0name"))


def test_a_zip_taken_away_is_one_line(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "data", FILES)
    archive = open_archive(path)
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        archive.read("notes.txt")


@pytest.mark.realdata
def test_the_zip_of_nuclei_is_listed_and_hashed_fast(realdata: Path) -> None:
    start = time.perf_counter()
    archive = open_archive(realdata / "dsb2018")
    assert len([name for name in archive.names if suffix(name) == ".png"]) == 670 + 29_461
    assert archive.path.name == "stage1_train.zip"
    archive.fingerprint(())
    assert time.perf_counter() - start < 10, "seconds; under one on an idle core"
