from __future__ import annotations

from trustspace.cli.output import Output


def test_a_table_is_tab_separated_where_no_reader_looks(capsys):
    Output().table(("a", "b"), [("x", 1), ("y", None)])
    assert capsys.readouterr().out == "x\t1\ny\t\n"


def test_a_document_is_one_line_and_keeps_its_letters(capsys):
    Output(json=True).document({"名": "玫瑰"})
    assert capsys.readouterr().out == '{"名": "玫瑰"}\n'
