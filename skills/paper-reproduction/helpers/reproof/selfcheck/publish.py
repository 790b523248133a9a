"""The report's three files: rendered, written, and seen when someone edits them by hand."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

from reproof.errors import PackError
from reproof.paths import sha256, write_atomically
from reproof.render import environment
from reproof.selfcheck.gate import answer, judge
from reproof.selfcheck.gather import Project, gather
from reproof.selfcheck.models import Item, ReportRequest, SelfcheckAnswer
from reproof.selfcheck.report import build
from reproof.selfcheck.report_models import Report

MARKDOWN, HTML, DATA = "report.md", "report.html", "report.json"
# what begins a link, an image, HTML, emphasis or code; a plan's text is none of these
MARKUP = re.compile(r"([\\`*\[\]#|~])")
COMMAND = "python HELPERS/selfcheck.py report PROJECT"


def report(request: ReportRequest) -> SelfcheckAnswer:
    """Answer `selfcheck.py report`: write the three files."""
    project = gather(request.project)
    if project.plan is None:
        raise PackError(
            "bad-plan",
            project.plan_problem,
            why="every section of the report begins with the plan",
            fix="mend plan.yaml; selfcheck.py gate shows what else is open",
        )
    items = judge(project)
    data, out = build(project, items), request.out or project.folder
    files = rendered(project, data, out)
    for name, text in files.items():
        write_atomically(out / name, text)
    return answer(project, items).model_copy(
        update={
            "ok": True,
            "headline": " ".join(data.conclusion),
            "files": [str(out / name) for name in (HTML, MARKDOWN, DATA)],
        }
    )


def rendered(project: Project, data: Report, out: Path) -> dict[str, str]:
    """File name -> text; nothing in it depends on the clock or on where the project lies."""
    body = data.model_dump(mode="json")
    digest = sha256(json.dumps(body, sort_keys=True, ensure_ascii=False))
    pages = {MARKDOWN: markdown(project, data, out, digest), HTML: html(project, data, digest)}
    files = {name: sha256(text) for name, text in pages.items()}
    whole = {"digest": digest, "files": files, "report": body}
    return pages | {DATA: json.dumps(whole, indent=1, ensure_ascii=False) + "\n"}


def markdown(project: Project, data: Report, out: Path, digest: str) -> str:
    """report.md. Every text that comes from outside is escaped, unless the template says `safe`."""
    env = environment()
    env.finalize = plain
    env.filters["code"] = code
    base = Path(os.path.relpath(project.folder.resolve(), out.resolve())).as_posix()
    text = env.get_template("report.md.jinja").render(r=data, digest=digest, base="" if base == "." else f"{base}/")
    return re.sub(r"\n{3,}", "\n\n", text)


def plain(value: Any) -> Any:
    r"""Text that Markdown shows as it is.

    >>> plain("[x](http://a) <b>")
    '\\[x\\](http://a) &lt;b&gt;'
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    flat = " ".join(value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())
    padded = (" " if value[:1].isspace() else "") + flat + (" " if value[1:][-1:].isspace() else "")
    return MARKUP.sub(r"\\\1", padded)


def code(value: object) -> str:
    """Text that cannot leave a code span of a table cell."""
    return " ".join(str(value).replace("`", "'").replace("|", "¦").split())


def html(project: Project, data: Report, digest: str) -> str:
    """report.html: one file, no script, nothing fetched."""
    env = environment(html=True)
    pictures = {
        figure.path: "data:image/png;base64," + base64.b64encode((project.folder / figure.path).read_bytes()).decode()
        for view in data.experiments
        for figure in (*view.figures, *view.more)
    }
    return env.get_template("report.html.jinja").render(r=data, digest=digest, pictures=pictures)


def report_item(project: Project, items: list[Item]) -> Item:
    """The report in the project says what the records say; it is rendered again and compared."""
    item = Item(id="report-unedited", what="the report is what the records say", state="PASS", required=False)
    folder = project.folder
    if not (folder / DATA).is_file() and not (folder / MARKDOWN).is_file() and not (folder / HTML).is_file():
        return item.judged("MISSING", "not written yet", COMMAND)
    item = item.model_copy(update={"required": True})
    edited = edited_files(folder)
    if edited:
        return item.judged("FAIL", f"edited by hand or incomplete: {', '.join(edited)}", COMMAND)
    if project.plan is None:
        return item.judged("STALE", "the plan cannot be read any more", COMMAND)
    again = rendered(project, build(project, items), folder)
    differs = [name for name, text in again.items() if (folder / name).read_text(encoding="utf-8") != text]
    if differs:
        why = f"the records now give another {', '.join(differs)}: they changed, or report.json was edited too"
        return item.judged("STALE", why, COMMAND)
    return item.judged("PASS", "rendered again, byte for byte the same")


def edited_files(folder: Path) -> list[str]:
    """Files of the report that are not what report.json says they are."""
    try:
        known = json.loads((folder / DATA).read_text(encoding="utf-8"))
        files, digest = known["files"], sha256(json.dumps(known["report"], sort_keys=True, ensure_ascii=False))
        wrong = [] if digest == known["digest"] else [DATA]
    except (OSError, ValueError, KeyError, TypeError):
        return [DATA]
    for name in (MARKDOWN, HTML):
        path = folder / name
        if not path.is_file() or sha256(path.read_bytes()) != files.get(name):
            wrong.append(name)
    return wrong
