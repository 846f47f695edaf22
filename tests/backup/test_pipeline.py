"""Programs one after another."""

from contextlib import closing

import pytest
from pipeline import Broken, Command, Pipeline, run


def read(commands: list[Command]) -> bytes:
    with closing(Pipeline(commands)) as pipeline:
        output = b"".join(pipeline.chunks())
        pipeline.finish()
    return output


def test_each_reads_what_the_one_before_says() -> None:
    upper: Command = (["tr", "a-z", "A-Z"], {})
    assert read([(["printf", "one"], {}), upper]) == b"ONE"


def test_a_text_can_be_the_beginning() -> None:
    with closing(Pipeline.of(b"two", {}, (["rev"], {}))) as pipeline:
        assert b"".join(pipeline.chunks()).strip() == b"owt"
        pipeline.finish()


def test_each_has_variables_of_its_own() -> None:
    assert read([(["sh", "-c", "printf %s $WORD"], {"WORD": "three"})]) == b"three"


def test_one_that_fails_in_the_middle_makes_the_whole_fail() -> None:
    with pytest.raises(Broken, match="sh failed with status 3"):
        read([(["sh", "-c", "printf half; exit 3"], {}), (["cat"], {})])


def test_the_last_one_that_failed_is_named() -> None:
    with pytest.raises(Broken, match="false failed"):
        read([(["yes"], {}), (["false"], {})])


def test_one_program_says_why_it_failed() -> None:
    assert run(["cat"], stdin=b"four") == b"four"
    with pytest.raises(Broken, match="sh failed: no room"):
        run(["sh", "-c", "echo no room >&2; exit 1"])
