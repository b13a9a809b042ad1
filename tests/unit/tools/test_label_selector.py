import pytest

from lifecycle.tools.label_selector import LabelSelector, LabelSelectorError

LABELS = {"pool": "a100", "gpu": "", "disk": "100", "nvidia.com/gpu.present": "true"}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "  ",
        "pool=a100",
        "pool==a100",
        "pool = a100",
        "pool!=h100",
        "spot!=true",
        "pool in (a100,h100)",
        "pool in ( h100 , a100 )",
        "pool notin (h100)",
        "spot notin (true)",
        "gpu",
        "gpu=",
        "gpu in ()",
        "!spot",
        "disk>99",
        "disk<101",
        "nvidia.com/gpu.present=true",
        "pool in (a100), gpu,!spot,disk>1",
    ],
)
def test_a_selector_selects_labels_as_kubectl_does(selector: str) -> None:
    assert LabelSelector.parse(selector).matches(LABELS)


@pytest.mark.parametrize(
    "selector",
    [
        "pool=h100",
        "pool!=a100",
        "pool in (h100)",
        "pool notin (a100, h100)",
        "spot",
        "!gpu",
        "disk>100",
        "disk<100",
        "pool>1",
        "spot>1",
        "pool=a100,spot",
    ],
)
def test_a_selector_leaves_out_labels_as_kubectl_does(selector: str) -> None:
    assert not LabelSelector.parse(selector).matches(LABELS)


@pytest.mark.parametrize(
    ("selector", "rest"),
    [
        ("a=b,,c", ",c"),
        ("a=b,", ""),
        ("a=b c", "a=b c"),
        ("=x", "=x"),
        ("a in b", "a in b"),
        ("!a=b", "!a=b"),
        ("a>b", "a>b"),
        ("gpu=nvidia,pool in (a", "pool in (a"),
        ("a\x00b", "a\x00b"),
        ("ä=b", "ä=b"),
    ],
)
def test_text_that_is_no_selector_is_refused_from_where_it_ends(selector: str, rest: str) -> None:
    with pytest.raises(LabelSelectorError) as caught:
        LabelSelector.parse(selector)

    assert str(caught.value).startswith(f"--selector {selector!r} is no label selector from {rest!r}: write it as for")
