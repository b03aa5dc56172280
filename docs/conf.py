"""Builds the site: `make docs`. Its sources are the repository's Markdown files, where they stand.

A link that leads nowhere, or a reference in a docstring to what does not exist, fails the build.
"""

import importlib
import logging
import pkgutil
import re
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

import s2s_plugins

REPOSITORY = Path(__file__).resolve().parents[1]

project = "s2s_plugins"
author = "the s2s_plugins authors"
release = s2s_plugins.__version__
html_title = f"{project} {release}"

# sphinx-build runs on the whole repository, so that a relative link means the same here as in the files themselves
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md"]
include_patterns += ["examples/*/README.md", "benchmarks/README.md"]
exclude_patterns = [".*", "site", "s2s_plugins", "tests", "scripts", "build", "dist"]

NAVIGATION = {
    "Guide": [
        "Getting started <self>",
        "docs/installation",
        "docs/training",
        "docs/pairs",
        "docs/classification",
        "docs/series",
        "docs/report",
        "docs/check",
        "docs/tune",
        "docs/using",
        "docs/web",
        "docs/serving",
        "docs/cluster",
        "docs/onnx",
        "docs/model-file",
        "docs/architectures",
        "docs/flags",
        "docs/comparing",
    ],
    "fairseq": ["docs/fairseq", "docs/fairseq-classification", "docs/fairseq-series", "docs/checkpoints"],
    "Examples and results": ["docs/examples", "docs/results/README", "docs/speed", "benchmarks/README"],
    "Reference": ["docs/api/*", "CONTRIBUTING", "CHANGELOG"],
}
BELOW = {"docs/examples": "/examples/*/README", "docs/results/README": "/docs/results/*"}  # pages below a page

myst_heading_anchors = 3
smartquotes_action = "D"  # quotes stay as they are typed
nitpicky = True
# a full name of ours names something; other packages' documentation is not here, and short names may be private
nitpick_ignore_regex = [("py:.*", r"(?!s2s_plugins\.).*")]

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_default_options["exclude-members"] = "__new__, __init__"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}


def link_folders_to_their_readme(text: str, page: Path) -> str:
    """``[g2p](../examples/g2p)`` -> ``[g2p](../examples/g2p/README.md)``: what a forge does with such a link."""

    def whole(match: re.Match) -> str:
        target, anchor = match["target"], match["anchor"] or ""
        folder = page.parent / target
        return f"]({target.rstrip('/')}/README.md{anchor})" if (folder / "README.md").is_file() else match[0]

    return re.sub(r"\]\((?P<target>[\w./-]+)(?P<anchor>#[\w-]+)?\)", whole, text)


def navigation() -> str:
    """The tables of contents that the front page carries, unseen: the sidebar shows them."""

    def there(pages: list[str]) -> str:
        return "\n".join(page for page in pages if "<self>" in page or any(REPOSITORY.glob(f"{page}.md")))

    tree = "```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{pages}\n```\n"
    return "\n".join(tree.format(caption=caption, pages=there(pages)) for caption, pages in NAVIGATION.items())


def prepare_source(app: Sphinx, name: str, source: list) -> None:
    text = link_folders_to_their_readme(source[0], REPOSITORY / f"{name}.md")
    text = with_modules(text)
    if name == root_doc:
        text += "\n\n" + navigation()
    if name in BELOW:
        text += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n\n{BELOW[name]}\n```\n"
    source[0] = text


def with_modules(text: str) -> str:
    """``{modules} s2s_plugins.nn`` becomes the docstrings of that package and of all its public modules."""
    return re.sub(r"^```\{modules\} ([\w.]+)\n```$", lambda match: reference_of(match[1]), text, flags=re.MULTILINE)


def reference_of(name: str) -> str:
    package = importlib.import_module(name)
    names = [found.name for found in pkgutil.walk_packages(getattr(package, "__path__", []), name + ".")]
    public = [found for found in names if not any(part.startswith("_") for part in found.split("."))]
    document = "```{{eval-rst}}\n.. automodule:: {}\n```\n".format
    return "\n".join([document(name), *(f"## `{found}`\n\n{document(found)}" for found in public)])


def keep_letters(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """``size: H.`` is no list of items from H on."""
    lines[:] = [re.sub(r"^(\s*\w+: [A-Z])\.", r"\1\\.", line) for line in lines]


def name_without_a_page(app: Sphinx, env: object, node: pending_xref, content: nodes.Node) -> nodes.Node | None:
    """A reference to what exists and has no page is its name alone; one to what does not exist fails the build."""
    try:
        pkgutil.resolve_name(node.get("reftarget", ""))
    except (ImportError, AttributeError, ValueError):
        return None
    return content


def leave_out_fields(app: Sphinx, kind: str, name: str, value: object, skip: bool, options: object) -> bool | None:
    """A NamedTuple's docstring describes its fields."""
    return True if type(value).__name__ == "_tuplegetter" else None


def write_front_page(app: Sphinx, error: Exception | None) -> None:
    """A site opens at index.html."""
    if error is None and app.builder.name == "html":
        shutil.copyfile(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))


def setup(app: Sphinx) -> None:
    logging.getLogger("fairseq").setLevel(logging.WARNING)  # it reports optional packages that are missing
    s2s_plugins.register()
    app.connect("autodoc-process-docstring", keep_letters, priority=400)  # before napoleon
    app.connect("missing-reference", name_without_a_page)
    app.connect("autodoc-skip-member", leave_out_fields)
    app.connect("source-read", prepare_source)
    app.connect("build-finished", write_front_page)
