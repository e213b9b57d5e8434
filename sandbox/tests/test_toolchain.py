import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import toolchain
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.toolchain import golang
from sandbox.toolchain.build import Tool, build
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.golang import Go

TOOL = Tool(name="tool", package=".", links=("alias",), packages=3, minutes=1)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Console(file=io.StringIO(), width=200))


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a shell script."""

    def write(path: str, script: str) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    return write


def said(cache: Cache) -> str:
    assert isinstance(cache.console.file, io.StringIO)
    return cache.console.file.getvalue()


def go_at(binary: Path) -> Go:
    return Go(binary, "go1.26.0", "linux", "amd64", binary.parent, binary.parent)


def test_an_entry_is_made_once(cache: Cache) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "x").write_text("x")

    assert cache.entry("tool", "key", make) == cache.entry("tool", "key", make)
    assert len(made) == 1
    cache.entry("tool", "other", make)
    assert len(made) == 2


def test_what_fails_half_way_does_not_count_as_made(cache: Cache) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry("tool", "key", interrupted)
    folder = cache.entry("tool", "key", lambda _: None)
    assert not (folder / "half").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", "key"]


def test_what_a_killed_command_left_is_cleared_away(cache: Cache) -> None:
    code = (
        "import sys, time; from pathlib import Path; from rich.console import Console\n"
        "from sandbox.toolchain.cache import Cache\n"
        "def make(folder):\n"
        "    (folder / 'half').write_text('x'); print(1, flush=True); time.sleep(60)\n"
        f"Cache(Path({str(cache.root)!r}), Console()).entry('tool', 'key', make)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as command:
        assert command.stdout
        command.stdout.readline()
        command.kill()
    assert len(list((cache.root / "tool").glob(".unfinished-*"))) == 1
    folder = cache.entry("tool", "key", lambda _: None)
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", "key"]


def test_two_clones_that_need_the_same_make_it_once_and_the_second_says_that_it_waits(
    cache: Cache, tmp_path: Path
) -> None:
    code = (
        "import sys, time; from pathlib import Path; from rich.console import Console\n"
        "from sandbox.toolchain.cache import Cache\n"
        "def make(folder):\n"
        "    print(1, flush=True); time.sleep(1); (folder / 'whole').write_text('x')\n"
        f"Cache(Path({str(cache.root)!r}), Console()).entry('tool', 'key', make)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        folder = cache.entry("tool", "key", lambda _: pytest.fail("made twice"))
    assert (folder / "whole").exists()
    assert "tool: another command is making it, waiting" in said(cache)


def test_entries_that_nobody_used_for_a_month_go_when_a_new_one_comes(cache: Cache) -> None:
    old = cache.entry("tool", "old", lambda _: None)
    recent = cache.entry("tool", "recent", lambda _: None)
    os.utime(old, (0, 0))
    cache.entry("tool", "new", lambda _: None)
    assert not old.exists()
    assert recent.exists()


def test_a_full_disk_is_told_with_the_folder_what_is_free_and_how_to_move_it(cache: Cache) -> None:
    def fill(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SandboxError) as error:
        cache.entry("tool", "key", fill)
    assert str(cache.root) in str(error.value)
    assert "MiB free" in str(error.value)
    assert "TFSERVING_CACHE" in str(error.value)


def test_a_disk_that_is_really_full_is_told_and_nothing_half_made_stays_on_it(cache: Cache) -> None:
    cache.root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(cache.root)]
    if not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("a file system of 20 MB can only be mounted by root")
    try:
        with pytest.raises(SandboxError, match=r"no space was left .* MiB free"):
            cache.entry("tool", "key", lambda into: fill(into / "tool"))
        assert [path.name for path in (cache.root / "tool").iterdir()] == [".lock"]
    finally:
        subprocess.run(["umount", str(cache.root)], check=True)


def fill(file: Path) -> None:
    with file.open("wb") as written:
        while True:
            written.write(bytes(1024**2))


def test_a_cache_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file", Console(file=io.StringIO()))
    with pytest.raises(SandboxError, match="TFSERVING_CACHE names another"):
        cache.entry("tool", "key", lambda _: None)


def test_a_tool_is_built_with_settings_that_are_not_the_users(
    cache: Cache,
    tmp_path: Path,
    program: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "GOFLAGS": "-mod=mod",
        "GOOS": "plan9",
        "GOROOT": "/x",
        "CGO_ENABLED": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    go = program("bin/go", 'env > "$(dirname "$0")/env"; echo "$@" > "$(dirname "$0")/arguments"')
    build(go_at(go), TOOL, tmp_path, tmp_path, cache)
    environment = dict(
        line.split("=", 1) for line in (tmp_path / "bin/env").read_text().splitlines()
    )
    assert environment["GOFLAGS"] == "-mod=readonly"
    assert (environment["GOOS"], environment["CGO_ENABLED"]) == ("linux", "0")
    assert environment["GOPROXY"] == "https://proxy.example"
    assert "GOROOT" not in environment
    assert "-trimpath -buildvcs=false" in (tmp_path / "bin/arguments").read_text()
    assert (tmp_path / "alias").readlink() == Path("tool")


def test_a_failed_build_shows_the_end_of_what_go_said_without_the_packages(
    cache: Cache, tmp_path: Path, program: Callable[[str, str], Path]
) -> None:
    go = program("go", "echo example.com/pkg; echo 'main.go:1:2: undefined: x'; exit 1")
    with pytest.raises(SandboxError) as error:
        build(go_at(go), TOOL, tmp_path, tmp_path, cache)
    assert "main.go:1:2: undefined: x" in str(error.value)
    assert "example.com/pkg" not in str(error.value)


def test_a_disk_that_fills_up_during_a_build_is_told_with_gos_caches(
    cache: Cache, tmp_path: Path, program: Callable[[str, str], Path]
) -> None:
    go = program("go", "echo 'write /tmp/x: no space left on device'; exit 1")
    with pytest.raises(SandboxError, match="no space was left on the disk while building tool"):
        build(go_at(go), TOOL, tmp_path, tmp_path, cache)


def test_an_interrupted_build_ends_go(
    cache: Cache, tmp_path: Path, program: Callable[[str, str], Path]
) -> None:
    go = program("go", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    code = (
        "import signal, sys; sys.path.insert(0, sys.argv[2])\n"
        # Who starts the tests in the background may have it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sandbox.tests.test_toolchain import *\n"
        "cache = Cache(Path(sys.argv[1]) / 'cache', Console())\n"
        "go = go_at(Path(sys.argv[1]) / 'go')\n"
        "cache.entry('tool', 'key', lambda into: build(go, TOOL, into, into, cache))"
    )
    root = str(Layout.of_this_clone().root)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), root],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as command:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            time.sleep(0.02)
        command.send_signal(signal.SIGINT)
        assert command.wait(20) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert [path.name for path in (tmp_path / "cache/tool").iterdir()] == [".lock"]
    assert go.exists()


def modules(tmp_path: Path) -> Path:
    for name, line in {"a": "go 1.9.2", "b": "go 1.26.0"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").write_text(f"module {name}\n\n{line}\n")
    return tmp_path


@pytest.mark.parametrize("version", ["go1.26.0", "go1.27.3", "go1.27rc1", "go2.0"])
def test_a_go_on_path_that_is_new_enough_is_used(
    cache: Cache,
    tmp_path: Path,
    program: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    version: str,
) -> None:
    go = program("bin/go", f"printf '{version}\\nlinux\\namd64\\n/b c\\n/m\\n'")
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    found = golang.find(cache, modules(tmp_path))
    assert found == Go(go, version, "linux", "amd64", Path("/b c"), Path("/m"))


@pytest.mark.parametrize("version", ["go1.25.9", "go1.9"])
def test_an_old_go_is_passed_over_for_the_package_with_a_line_that_says_so(
    cache: Cache,
    tmp_path: Path,
    program: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    version: str,
) -> None:
    go = program("bin/go", f"printf '{version}\\nlinux\\namd64\\n/b\\n/m\\n'")
    packaged = program("package/go/bin/go", "printf 'go1.27.3\\nlinux\\namd64\\n/b\\n/m\\n'")
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    monkeypatch.setattr(golang, "_from_package", lambda *_: tmp_path / "package")
    assert golang.find(cache, modules(tmp_path)).binary == packaged
    assert f"{go} ({version}) is passed over, 1.26.0 or newer is needed" in said(cache)


def test_without_any_go_the_reader_is_told_what_to_install(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(golang, "_installer", lambda: None)
    with pytest.raises(SandboxError, match=r"Go 1\.26\.0 or newer is needed .*Install it") as error:
        golang.find(cache, modules(tmp_path))
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("version", "used"),
    [
        ("v3.259.0", True),
        ("3.272.1", True),
        ("v3.258.9", False),
        ("v4.0.0", False),
        ("garbage", False),
    ],
)
def test_the_users_pulumi_is_used_when_it_is_new_enough(
    cache: Cache,
    program: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    used: bool,
) -> None:
    pulumi = program("theirs/pulumi", f"echo {version}")
    monkeypatch.setenv("PATH", f"{pulumi.parent}:/usr/bin:/bin")
    assert toolchain._users_pulumi(cache) == (pulumi if used else None)
    assert ("is passed over" in said(cache)) is not used


def test_a_sandboxs_own_pulumi_is_never_taken_for_the_users(
    cache: Cache, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = program("clone/.sandbox/bin/pulumi", "echo v3.300.0")
    theirs = program("theirs/pulumi", "echo v3.260.0")
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{wrapper.parent}/:{theirs.parent}:/usr/bin:/bin")
    assert toolchain._users_pulumi(cache) == theirs


def test_what_is_built_depends_on_sources_flags_and_the_version_of_go(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tool").mkdir()
    monkeypatch.setattr(toolchain, "MODULES", tmp_path)

    def key(tool: Tool = TOOL, version: str = "go1.26.0") -> str:
        made = toolchain._Toolchain(cache)
        made.__dict__["_go"] = replace(go_at(Path("/go")), version=version)
        return made._key(tool)

    keys = [key(), key(replace(TOOL, tags="x")), key(version="go1.26.1")]
    for name in ("go.mod", "go.sum", "main.go"):
        (tmp_path / "tool" / name).write_text("x")
        keys.append(key())
    assert len(set(keys)) == len(keys)


def test_what_only_tests_run_is_not_built_with_the_others(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: set[str] = set()

    def note(_: object, name: str) -> Path:
        built.add(name)
        return Path(name)

    monkeypatch.setattr(toolchain, "_users_pulumi", lambda _: None)
    monkeypatch.setattr(toolchain._Toolchain, "built", note)
    monkeypatch.setattr(toolchain._Toolchain, "_language_exec", lambda _: Path())
    toolchain._Toolchain(cache).tools()
    assert toolchain.TOOLS.keys() - built == {"kube-score", "rclone"}


def test_the_tools_are_the_versions_that_the_table_says(tools: toolchain.Tools) -> None:
    def answer(*command: str | Path) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    for component in toolchain.COMPONENTS[1:]:
        assert answer(tools.component(component), "--version").strip() == "Kubernetes v1.36.2"
    assert "etcd Version: 3.6" in answer(tools.component("etcd"), "--version")
    assert answer(tools.pulumi, "version").startswith("v3.")
    assert "kwok" in answer(tools.kwok, "--version")
    assert "clientVersion" in answer(tools.kubectl, "version", "--client", "--output=yaml")
    assert (
        "def run" in tools.language_exec.read_text() or "import" in tools.language_exec.read_text()
    )


def test_a_second_look_builds_nothing(
    tools: toolchain.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "build", lambda *_: pytest.fail("built again"))
    assert toolchain.ensure(Layout.of_this_clone()) == tools
