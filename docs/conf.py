"""How the pages of this directory become a site.

Built by `nox -s docs`, or by `sphinx-build -W -n docs build/docs`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import autotrace

sys.path.insert(0, str(Path(__file__).parent / "_sphinx"))

project = "autotrace"
author = "The autotrace contributors"
copyright = author
version = release = autotrace.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "pages",
    "names",
]
root_doc = "index"
exclude_patterns = ["_*"]
nitpicky = True

# Links between pages are those that a code host shows: relative, to `.md`, with the
# anchors that it makes of headings.
myst_heading_anchors = 4
# A collector's configuration may hold templates that the highlighter of its language
# does not know.
suppress_warnings = ["misc.highlighting_failure"]

# A name in single backticks is a link if it is one of ours, and code in any case.
default_role = "py:obj"
add_module_names = False
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "no-value": True,
}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
smartquotes = False

html_theme = "furo"
html_title = "autotrace"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}

# `nox -s docs -- -b linkcheck`, where there is a network. Addresses of examples lead
# nowhere.
linkcheck_ignore = [
    r"https?://localhost",
    r"https?://127\.0\.0\.1",
    r"https?://[\w.]+\.example",
]
linkcheck_timeout = 20
