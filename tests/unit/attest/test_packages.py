from lifecycle.attest.packages import DebianPackage, Distribution, debian_packages, distribution_of, is_package_record

_STANZA = """\
Package: libx1
Source: x (1:2-1)
Version: 1:2-1+b1
Architecture: amd64
Maintainer: Somebody <a@b.example>
"""
_LICENCE = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: c\nLicense: ISC\n"
OURS = {
    "var/lib/dpkg/status.d/libx1": _STANZA,
    "var/lib/dpkg/status.d/libx1.md5sums": "d41d  lib/libx.so.1\nd41d  etc/x.conf\n",
    "usr/share/doc/libx1/copyright": _LICENCE,
}
LINKS = {"lib": "usr/lib"}


def test_a_package_of_our_own_base_has_its_licence_and_files() -> None:
    assert debian_packages(OURS, LINKS) == [
        DebianPackage(
            name="libx1",
            version="1:2-1+b1",
            architecture="amd64",
            source="x",
            source_version="1:2-1",
            maintainer="Somebody <a@b.example>",
            licence="ISC",
            files=debian_packages(OURS, LINKS)[0].files,
        )
    ]
    assert {"usr/lib/libx.so.1", "etc/x.conf", "usr/share/doc/libx1/copyright", "var/lib/dpkg/status.d/libx1"} <= (
        debian_packages(OURS, LINKS)[0].files
    )


def test_a_package_of_a_pulled_base_is_read_from_dpkgs_own_files() -> None:
    stanza = _STANZA.replace("Maintainer", "Status: install ok installed\nConffiles:\n /etc/x.conf d41d\nMaintainer")
    removed = stanza.replace("libx1", "gone").replace("install ok installed", "deinstall ok config-files")
    texts = {
        "var/lib/dpkg/status": f"{stanza}\n{removed}",
        "var/lib/dpkg/info/libx1:amd64.list": "/.\n/lib/libx.so.1\n",
    }

    (package,) = debian_packages(texts, LINKS)

    assert {"usr/lib/libx.so.1", "etc/x.conf", "var/lib/dpkg/info/libx1:amd64.list"} <= package.files
    assert package.licence == "NOASSERTION"


def test_a_package_without_a_source_field_is_its_own_source() -> None:
    text = _STANZA.replace("Source: x (1:2-1)\n", "")

    assert debian_packages({"var/lib/dpkg/status.d/libx1": text}, {})[0].source == "libx1"


def test_a_package_url_names_the_distribution() -> None:
    (package,) = debian_packages(OURS, LINKS)

    assert Distribution(name="debian", version="12").purl(package) == (
        "pkg:deb/debian/libx1@1%3A2-1%2Bb1?arch=amd64&distro=debian-12"
    )


def test_the_distribution_is_that_of_os_release() -> None:
    text = 'PRETTY_NAME="Garden Linux"\nID=gardenlinux\nVERSION_ID="1592"\n'

    assert distribution_of({"usr/lib/os-release": text}) == Distribution(name="gardenlinux", version="1592")
    assert distribution_of({}) == Distribution(name="debian", version="")


def test_only_records_of_packages_are_read() -> None:
    assert all(map(is_package_record, ["usr/lib/os-release", *OURS]))
    assert not any(map(is_package_record, ["usr/share/doc/libx1/changelog", "etc/passwd"]))
