"""What the pages show that is not written by hand: entries and tables of methods, the gallery of views, operations, decisions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import inside_pictures
import method_entries  # while a hook is loaded its folder is searched, later it is not
import run_pictures
import view_pictures
from mkdocs.structure.files import File, Files
from tables import decisions_list, methods_table, operations_table

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Draws every picture; a method without one ends the build."""
    makers = {
        "views": view_pictures.pictures,
        "methods": method_entries.pictures,
        "inside": inside_pictures.pictures,
        "runs": run_pictures.pictures,
    }
    for folder, make in makers.items():
        for name, picture in make().items():
            files.append(File.generated(config, f"{folder}/{name}.png", content=picture))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills the marked places."""
    del files
    folder, name = Path(config.docs_dir), Path(page.file.src_uri).stem
    marks = {
        "methods": lambda: methods_table(folder),
        "entries": lambda: method_entries.entries(name),
        "operations": operations_table,
        "inspections": inside_pictures.inspections_list,
        "views": view_pictures.views_list,
        "runs": run_pictures.runs_list,
        "decisions": lambda: decisions_list(folder),
    }
    for mark, made in marks.items():
        if f"<!-- {mark} -->" in markdown:
            markdown = markdown.replace(f"<!-- {mark} -->", made())
    return markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Takes the roles off cross references, which another generator would have read, and makes shapes and limits stand out."""
    del page, config, files
    html = re.sub(r":(?:func|class|mod|meth):(?=<code>)", "", html)
    return re.sub(r"(?:Shapes|What it does not show):", lambda found: f"<strong>{found.group()}</strong>", html)
