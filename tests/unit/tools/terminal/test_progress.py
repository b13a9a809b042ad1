import io
import re
import threading

import pytest

from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.tools.terminal.live_rows import LiveRows
from lifecycle.tools.terminal.progress import Progress

SECONDS = re.compile(r"\(\d+\.\d s\)")


def display(*, terminal: bool = False) -> tuple[Progress, io.StringIO]:
    said = io.StringIO()
    return Progress(OutputConsole(file=said, force_terminal=terminal, width=100, highlight=False)), said


def lines(said: io.StringIO) -> list[str]:
    return SECONDS.sub("(n s)", said.getvalue()).splitlines()


def test_a_step_without_a_terminal_prints_a_line_at_start_and_end() -> None:
    shown, said = display()
    with shown.step("compile a"):
        shown.say("something in between")

    assert lines(said) == ["compile a …", "something in between", "✓ compile a (n s)"]


def test_a_step_that_raises_is_marked_as_failed_and_the_error_raised() -> None:
    shown, said = display()
    with pytest.raises(KeyboardInterrupt), shown.step("compile a"):
        raise KeyboardInterrupt

    assert lines(said)[-1] == "✗ compile a (n s)"


def test_a_step_that_failed_without_an_exception_is_marked_as_failed() -> None:
    shown, said = display()
    with shown.step("compile a") as fail:
        fail()

    assert lines(said)[-1] == "✗ compile a (n s)"


def test_text_that_looks_like_markup_is_printed_as_it_is() -> None:
    shown, said = display()
    with shown.step("[red]title[/red]"):
        shown.say("[bold]line[/bold]")
        shown.warn("[x]")
    with shown.bytes("[red]title[/red]", 1):
        pass

    assert lines(said) == [
        "[red]title[/red] …",
        "[bold]line[/bold]",
        "WARNING: [x]",
        "✓ [red]title[/red] (n s)",
        "[red]title[/red] (0 MB) …",
        "✓ [red]title[/red], 0 MB (n s)",
    ]


def test_a_download_shows_its_size() -> None:
    shown, said = display()
    with shown.bytes("downloading 2 files", 12_000_000) as advance:
        advance(12_000_000)

    assert lines(said) == ["downloading 2 files (12 MB) …", "✓ downloading 2 files, 12 MB (n s)"]


def test_a_failed_download_is_not_marked_as_done() -> None:
    shown, said = display()
    with pytest.raises(OSError, match="cut"), shown.bytes("downloading", 1):
        raise OSError("cut")

    assert "✓" not in said.getvalue()


def test_a_line_without_a_terminal_is_plain_and_not_wrapped() -> None:
    shown, said = display()
    shown.warn("x" * 300)

    assert said.getvalue() == f"WARNING: {'x' * 300}\n"


def test_on_a_terminal_steps_of_several_threads_share_the_display() -> None:
    shown, said = display(terminal=True)
    both_run = threading.Barrier(2, timeout=10)

    def work(title: str) -> None:
        with shown.step(title):
            both_run.wait()

    threads = [threading.Thread(target=work, args=(title,)) for title in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with shown.bytes("third", 10) as advance:
        advance(10)

    assert all(f"✓ {title}" in said.getvalue() for title in ("first", "second", "third"))
    assert "first …" not in said.getvalue()


def test_the_display_stays_until_its_last_step_has_ended() -> None:
    shown, said = display(terminal=True)
    with shown.step("long"):
        with shown.step("short"):
            pass
        before = len(said.getvalue())
        assert shown._live
        shown._live._live.refresh()
        assert "long" in said.getvalue()[before:]


def test_the_step_that_opened_the_display_may_end_first() -> None:
    shown, _ = display(terminal=True)
    first, second = shown.step("first"), shown.step("second")
    with first:
        second.__enter__()
    assert shown._live is not None
    second.__exit__(None, None, None)
    assert shown._live is None


@pytest.mark.parametrize("width", [40, 80])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    console = OutputConsole(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    rows = LiveRows(console)
    rows.add_step("modules debian-13/6.12.118+deb13-cloud-amd64/550.163.01 open and proprietary")
    rows.advance_transfer(rows.add_transfer("downloading 12 files", 12_000_000), 6_000_000)
    with console.capture() as capture:
        console.print(rows._live.get_renderable())
    (step, transfer) = capture.get().splitlines()
    assert max(map(len, (step, transfer))) <= width
    assert ("MB" in transfer) == (width >= 60)
    assert "…" in step


def test_control_characters_of_others_are_visible() -> None:
    shown, said = display()
    shown.say("a\x1b[31mred\x07")
    assert said.getvalue() == "a\\x1b[31mred\\x07\n"
