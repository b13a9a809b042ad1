"""Every image as a thing to run: what it claims, what it holds, and what it must not hold."""

import json

from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Targets
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST, LABEL_MODULE_TYPES, LABEL_OS
from tests.support.machines.installer import HOME, Installer

WRONG_KERNEL = 10
USAGE = 2


def test_labels_say_what_the_image_is(installer: Installer, project: LockedProject) -> None:
    c = installer.combination
    expected = {
        "org.opencontainers.image.title": "nvidia-installer",
        "org.opencontainers.image.version": c.driver,
        LABEL_COMPONENT: project.component.name,
        LABEL_COMBINATION: c.id,
        LABEL_OS: c.release,
        LABEL_MODULE_TYPES: " ".join(c.module_types),
        LABEL_DIGEST: Targets(project).image(c).digest,
    }

    assert {key: installer.labels.get(key) for key in expected} == expected


def test_the_manifest_holds_for_every_file(installer: Installer) -> None:
    for module_type in installer.combination.module_types:
        files = {
            **installer.manifest["userspace"]["files"],
            **installer.manifest["module_types"][str(module_type)]["files"],
        }
        command = (
            "cd %s && find . -type f -printf '%%P\\0' | xargs -0 sha256sum && find . -type l -printf '-> %%l  %%P\n'"
        )
        lines = installer.host.check_output(command, installer.tree(module_type)).splitlines()
        found = {name: value for value, _, name in (line.rpartition("  ") for line in lines)}

        assert found == files


def test_the_modes_in_the_archives_are_those_of_the_manifest(installer: Installer) -> None:
    """The archives are read, since unpacking is the scripts' work, and may change a mode."""
    types = {f"modules-{t}": about["modes"] for t, about in installer.manifest["module_types"].items()}
    found = {
        archive: {name: f"{mode:04o}" for name, mode in modes.items()}
        for archive, modes in installer.archive_modes.items()
    }

    assert found == {"userspace": installer.manifest["userspace"]["modes"], **types}


def test_the_brief_manifest_says_the_same_as_the_long_one(installer: Installer) -> None:
    brief = dict(line.split("=", 1) for line in installer.host.file(f"{HOME}/manifest.env").content_string.splitlines())

    sizes = {f"UNPACKED_BYTES_{module_type.upper()}" for module_type in installer.manifest["module_types"]}
    assert min(int(brief.pop(size)) for size in sizes) > 0
    assert brief == {
        "DRIVER_VERSION": installer.manifest["driver_version"],
        "KERNEL_RELEASE": installer.manifest["kernel_release"],
        "ARCHITECTURE": installer.manifest["architecture"],
        "OS_RELEASE": installer.manifest["os_release"],
        "MODULE_TYPES": " ".join(installer.manifest["module_types"]),
        "IMAGE_TAG": installer.manifest["image_tag"],
        **({"SIGNER": installer.manifest["signer"]["name"]} if "signer" in installer.manifest else {}),
    }


def test_scripts_are_well_formed(installer: Installer) -> None:
    host = installer.host
    scripts = host.check_output(f"find {HOME}/bin {HOME}/lib -type f").split()

    assert f"{HOME}/bin/nvidia-installer" in scripts
    # One command, since to enter the container takes longer than to parse a script.
    parse = f'for script in {" ".join(scripts)}; do bash -n "$script" 2>&1 && echo "$script"; done; true'
    assert host.check_output(parse).splitlines() == scripts
    assert host.file(f"{HOME}/bin/nvidia-installer").mode & 0o111 == 0o111


def test_help_is_printed_and_a_wrong_word_is_refused(installer: Installer) -> None:
    assert "install" in installer.host.check_output("nvidia-installer --help")
    assert installer.host.run("nvidia-installer no-such-command").rc == USAGE


def test_the_entry_point_refuses_a_wrong_kernel_with_the_documented_code(installer: Installer) -> None:
    """Run as a node would run it; this machine's own kernel is the wrong one."""
    engine = installer.container.client
    assert engine
    container = engine.containers.create(installer.reference, network_mode="none")
    try:
        container.start()
        code = container.wait()["StatusCode"]
        said = container.logs().decode()
    finally:
        container.remove(force=True, v=True)

    assert code == WRONG_KERNEL
    assert installer.combination.kernel in said


def test_nothing_in_the_image_compiles_or_installs_packages(installer: Installer) -> None:
    programs = ["gcc", "cc", "ld", "make", "apt", "apt-get", "dpkg", "rpm", "perl", "python3", "curl", "wget"]
    look = f"for program in sh {' '.join(programs)}; do command -v $program >/dev/null && echo $program; done; true"

    assert installer.host.check_output(look).split() == ["sh"]


def test_nothing_in_the_image_gives_anybody_root(installer: Installer) -> None:
    """Nothing is setuid, setgid, or writable by others than root, except folders with the sticky bit, such as /tmp."""
    find = "find / -xdev -path /unpacked -prune -o -perm /6022 -not -type l -not '(' -type d -perm 1777 ')' -print"
    packed = [name for modes in installer.archive_modes.values() for name, mode in modes.items() if mode & 0o7022]

    assert (installer.host.check_output(find), packed) == ("", [])


def test_the_manifest_names_inputs_and_patches(installer: Installer) -> None:
    manifest = json.loads(installer.host.file(f"{HOME}/manifest.json").content_string)
    declared = {(str(p.module_type), p.patch.file) for p in installer.combination.patches}
    applied = {(t, patch["file"]) for t, about in manifest["module_types"].items() for patch in about["patches"]}

    assert manifest["inputs_digest"] == installer.labels[LABEL_DIGEST]
    assert applied <= declared
