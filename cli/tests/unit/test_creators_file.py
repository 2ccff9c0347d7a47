"""Files of creators are sent as they stand, so that the service can name the row and column of what is wrong."""

import gzip
from pathlib import Path

import pytest

from entente.matching.v1.service_pb2 import ImportReject
from entente.type.v1.type_pb2 import PLATFORM_INSTAGRAM
from entente_cli.creators_file import CreatorsFile, write_rejects
from entente_cli.errors import CommandError


def test_a_row_has_the_number_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    file = tmp_path / "creators.csv"
    file.write_text("creator,followers\nc1,10\n\nc2,\n")
    (message,) = CreatorsFile(file).requests()
    assert list(message.columns) == ["creator", "followers"]
    assert [(row.row, list(row.values)) for row in message.rows] == [(2, ["c1", "10"]), (4, ["c2", ""])]


def test_a_compressed_file_is_read_like_the_plain_one(tmp_path: Path) -> None:
    file = tmp_path / "creators.csv.gz"
    file.write_bytes(gzip.compress("\ufeffcreator\nc1\n".encode()))
    (message,) = CreatorsFile(file).requests(platform=PLATFORM_INSTAGRAM, snapshot="2022-06")
    assert list(message.columns) == ["creator"]
    assert message.default_platform == PLATFORM_INSTAGRAM
    assert message.default_snapshot == "2022-06"


def test_a_long_file_goes_in_parts_and_names_its_columns_once(tmp_path: Path) -> None:
    file = tmp_path / "creators.csv"
    file.write_text("creator\n" + "".join(f"c{n}\n" for n in range(1201)))
    messages = list(CreatorsFile(file).requests())
    assert [len(message.rows) for message in messages] == [500, 500, 201]
    assert [list(message.columns) for message in messages] == [["creator"], [], []]


def test_lines_of_json_may_differ_in_their_fields_and_the_columns_of_most_come_first(tmp_path: Path) -> None:
    file = tmp_path / "creators.jsonl"
    file.write_text(
        '{"creator": "c1", "verified": true, "languages": ["fr", "en"]}\n{"creator": "c2"\n'
        '{"creator": "c3"}\n[1]\n{"creator": "c5"}\n'
    )
    source = CreatorsFile(file)
    messages = list(source.requests())
    assert [list(m.columns) for m in messages] == [["creator"], ["creator", "verified", "languages"], ["creator"]]
    assert list(messages[1].rows[0].values) == ["c1", "true", "fr|en"]
    assert [row.row for row in messages[2].rows] == [3, 5]
    assert [(reject.row, reject.reason) for reject in source.rejects] == [
        (2, "is not a JSON object"),
        (4, "is not a JSON object"),
    ]


def test_a_byte_that_is_no_text_costs_its_row_and_names_its_column(tmp_path: Path) -> None:
    file = tmp_path / "creators.csv"
    file.write_bytes("creator,name\nc1,Zoë\n".encode() + b"c2,Caf\xe9\nc3,Ann\n")
    source = CreatorsFile(file)
    (message,) = source.requests()
    assert [row.row for row in message.rows] == [2, 4]
    (reject,) = source.rejects
    assert (reject.row, reject.column, reject.reason) == (3, "name", "is not UTF-8 text")


def test_of_a_file_that_is_cut_off_the_rows_before_the_cut_are_kept(tmp_path: Path) -> None:
    cut = tmp_path / "cut.csv.gz"
    whole = "creator\n" + "".join(f"c{hash(str(n))}\n" for n in range(20_000))
    cut.write_bytes(gzip.compress(whole.encode())[:-2000])
    source = CreatorsFile(cut)
    rows = source.count()
    assert 1000 < rows < 20_000
    (reject,) = source.rejects
    assert reject.row == rows + 2
    assert "cannot be read from here on" in reject.reason


def test_a_file_of_another_kind_or_none_at_all_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"neither \.csv nor \.jsonl"):
        CreatorsFile(tmp_path / "creators.xlsx")
    with pytest.raises(CommandError, match="There is no file"):
        CreatorsFile(tmp_path / "missing.csv")


@pytest.mark.parametrize("content", ["", "creator\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "empty.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match="has no rows"):
        CreatorsFile(file).count()


def test_the_rejects_file_names_row_column_value_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "out" / "rejects.csv"
    write_rejects(file, [ImportReject(row=7, column="followers", value="-3", reason="must not be negative")])
    assert file.read_text().splitlines() == ["row,column,value,reason", "7,followers,-3,must not be negative"]
