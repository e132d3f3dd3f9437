#!/usr/bin/env bash
# python-docx 1.2.0: the text of a paragraph lacks what was inserted with tracked changes and what was filled into a form; a contract loses its price.
#
# Paragraph.text joins the runs and hyperlinks that lie directly in the paragraph. A correction that nobody has accepted yet is wrapped in w:ins, a field of a form in w:sdt:
# both are left out, and so is the deleted text, so that the sentence says neither what stood there before nor what stands there now. Word shows the new text. Such files are
# what comes out of a review, and a collection of documents that is read this way for search or training has holes exactly where people worked on them. The documentation calls
# it the text of each run, hyperlinks included, and names neither. What helps: join all w:t elements of the paragraph (w:delText is another name).
# Discussed: issues 340 (2016) and 1123 (2022) of python-openxml/python-docx, open; pull request 1538 (2026) proposes a change for insertions.
# Output seen:
#   text:    'The rent is  euros.' 'Tenant: '
#   all w:t: 'The rent is 1,200 euros.' 'Tenant: Ann'
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" python-docx==1.2.0
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

NAMES = nsdecls("w")
WHO = 'w:author="Ann" w:date="2026-01-05T10:00:00Z"'
made = docx.Document()
rent = made.add_paragraph("The rent is ")
rent._p.append(parse_xml(f'<w:del {NAMES} w:id="1" {WHO}><w:r><w:delText>900</w:delText></w:r></w:del>'))
rent._p.append(parse_xml(f'<w:ins {NAMES} w:id="2" {WHO}><w:r><w:t>1,200</w:t></w:r></w:ins>'))
rent.add_run(" euros.")
form = made.add_paragraph("Tenant: ")
form._p.append(parse_xml(f"<w:sdt {NAMES}><w:sdtContent><w:r><w:t>Ann</w:t></w:r></w:sdtContent></w:sdt>"))
made.save("contract.docx")
paragraphs = docx.Document("contract.docx").paragraphs
text = [p.text for p in paragraphs]
whole = ["".join(t.text for t in p._p.iter(qn("w:t"))) for p in paragraphs]
print("text:   ", *map(repr, text))
print("all w:t:", *map(repr, whole))
sys.exit(0 if text == ["The rent is  euros.", "Tenant: "] and whole == ["The rent is 1,200 euros.", "Tenant: Ann"] else 1)
PY
