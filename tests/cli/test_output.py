from __future__ import annotations

from trustspace.cli.output import Output


def test_a_table_is_tab_separated_where_no_reader_looks(capsys):
    Output().table(("a", "b"), [("x", 1), ("y", None)])
    assert capsys.readouterr().out == "x\t1\ny\t\n"


def test_what_a_counterparty_wrote_cannot_move_the_cursor(capsys):
    Output().lines("a\x1b[2Jb", "two\nlines")
    Output().table((), [("\x1b]0;title\x07", "a\tb\nc")])
    Output().note("\x9bm")
    told = capsys.readouterr()
    assert told.out == "a\ufffd[2Jb\ntwo\nlines\n\ufffd]0;title\ufffd\ta\ufffdb c\n"
    assert told.err == "\ufffdm\n"


def test_a_document_is_one_line_and_keeps_its_letters(capsys):
    Output(json=True).document({"名": "玫瑰"})
    assert capsys.readouterr().out == '{"名": "玫瑰"}\n'
