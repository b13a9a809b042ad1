from lifecycle.planning.builder_tags import builder_tag, kernel_tag
from tests.support.builders.projects import kernel

HEADERS = kernel("6.1.0+x_Y", "6.1.192").headers


def test_an_image_with_headers_differs_by_builder_and_by_headers() -> None:
    names = {
        kernel_tag("builder:1", "6.1.0+x_Y", HEADERS),
        kernel_tag("builder:2", "6.1.0+x_Y", HEADERS),
        kernel_tag("builder:1", "6.1.0+x_Y", []),
    }

    assert len(names) == 3
    assert {name.partition(":")[0] for name in names} == {"nvidia-installer/kernel-6-1-0-x-y"}


def test_a_builder_is_another_on_another_base_and_by_another_recipe() -> None:
    names = {
        builder_tag("base:1", "debian_12", {"compile.sh": "1"}),
        builder_tag("base:2", "debian_12", {"compile.sh": "1"}),
        builder_tag("base:1", "debian_12", {"compile.sh": "2"}),
    }

    assert len(names) == 3
    assert {name.partition(":")[0] for name in names} == {"nvidia-installer/builder-debian_12"}
