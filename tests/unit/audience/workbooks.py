"""Excel workbooks and ZIP files written by hand, so that they can be as wrong as we like."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_OFFICE = "http://schemas.openxmlformats.org"
_MAIN = f"{_OFFICE}/spreadsheetml/2006/main"
_RELS = f"{_OFFICE}/officeDocument/2006/relationships"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs>'
    "</styleSheet>"
)
DATE, MOMENT = "1", "2"


def cell(reference: str, value: object, style: str = "0", formula: str = "") -> str:
    """A cell: text inline, anything else as a number; `style` DATE or MOMENT makes it one."""
    made_by = f"<f>{formula}</f>" if formula else ""
    if isinstance(value, bool):
        return f'<c r="{reference}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str) and value.startswith("#"):
        return f'<c r="{reference}" t="e"><v>{value}</v></c>'
    if isinstance(value, str) and formula:
        return f'<c r="{reference}" t="str">{made_by}<v>{value}</v></c>'
    if isinstance(value, str):
        return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'
    return f'<c r="{reference}" s="{style}">{made_by}<v>{value}</v></c>'


def rows(*lines: list[object], start: int = 1) -> str:
    """Rows of cells from column A on; None leaves a cell out."""
    made = []
    for number, line in enumerate(lines, start):
        cells = [cell(f"{chr(65 + at)}{number}", value) for at, value in enumerate(line) if value is not None]
        made.append(f'<row r="{number}">{"".join(cells)}</row>')
    return "".join(made)


def workbook(
    sheets: Mapping[str, str], *, hidden: frozenset[str] = frozenset(), packing: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A workbook of sheets: name -> rows as XML."""
    shown = {name: "hidden" if name in hidden else "visible" for name in sheets}
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" state="{shown[name]}" r:id="rId{number}"/>'
        for number, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_OFFICE}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{_RELS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_OFFICE}/package/2006/relationships">{related}'
        f'<Relationship Id="rIdS" Type="{_RELS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": _STYLES,
    }
    for number, body in enumerate(sheets.values(), 1):
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'
        )
    return zipped({name: f'<?xml version="1.0"?>{text}' for name, text in files.items()}, packing=packing)


def zipped(files: Mapping[str, str | bytes], *, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()
