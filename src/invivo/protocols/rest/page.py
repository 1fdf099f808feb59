"""The page that lists all operations, made of the OpenAPI documents; nothing on it comes from another site."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from fastapi import FastAPI

# Style sheets are asked from the address that the pages of the site use; without them the page is plain and complete.
_HEAD = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>API · {name}</title>
  <script src="/static/api/theme-early.js"></script>
  <link rel="icon" href="/static/api/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/static/api/tokens.css">
  <link rel="stylesheet" href="/static/api/app.css">
  <link rel="stylesheet" href="/static/api/parts.css">
  <link rel="stylesheet" href="/static/api/work.css">
</head>
<body>
<header class="top"><a class="brand" href="/"><img src="/static/api/mark.svg" alt="" width="26" height="26">
<span>{name}</span></a><nav class="top-nav" aria-label="Main"><a class="nav-link" href="/collections">Collections</a>
<a class="nav-link" href="/help">Help</a></nav></header>
<main id="main" class="page reading">
"""


def written(name: str, root: str, applications: Sequence[tuple[str, FastAPI]]) -> str:
    """Write the page.

    Parameters
    ----------
    name : str
        Of the archive.
    root : str
        Public address of the site.
    applications : sequence of (prefix, application)
    """
    return "".join(
        [_HEAD.format(name=escape(name)), *_introduction(root), *_all(root, applications), "</main></body></html>\n"]
    )


def _introduction(root: str) -> Iterator[str]:
    yield "<header class='page-head'><h1>API</h1><p class='lead'>JSON over HTTP, with the words of the pages.</p></header>"
    yield "<section class='section prose'><p>What everybody may see needs no account; for the rest send an API token, which"
    yield " you make under <a href='/account/tokens'>your account</a>: <code>Authorization: Bearer TOKEN</code>. Errors are"
    yield " <code>application/problem+json</code> with a stable <code>code</code>; a parameter that an operation does not know"
    yield " is refused, so that nothing is narrowed in silence.</p>"
    yield "<p>Images and standard searches are at <code>/dicom-web</code> (QIDO-RS, WADO-RS, STOW-RS) and <code>/wado</code>,"
    yield " resumable uploads at <code>/uploads</code> (tus 1.0).</p></section><div class='copyline'>"
    yield f"<code class='copyline-text' tabindex='0'>curl '{escape(root)}/api/search?modality=CT&amp;limit=5'</code></div>"


def _all(root: str, applications: Sequence[tuple[str, FastAPI]]) -> Iterator[str]:
    for prefix, application in applications:
        document = application.openapi()
        yield f"<section class='section stack'><h2>{escape(document['info']['title'])}</h2>"
        yield f"<p class='muted'>{escape(document['info'].get('description', ''))}"
        yield f" For programs: <a href='{prefix}/openapi.json'>{escape(root)}{prefix}/openapi.json</a>.</p>"
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                yield from _operation(method, prefix + path, operation)
        yield "</section>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details class='panel'><summary><code>{method.upper()} {escape(path)}</code>"
    yield f" <span class='muted'>{escape(operation.get('description', ''))}</span></summary>"
    parameters = operation.get("parameters", ())
    if parameters:
        yield "<div class='scroll' tabindex='0' role='region' aria-label='Parameters'><table class='data-table'>"
        yield "<thead><tr><th scope='col'>Parameter</th><th scope='col'>Meaning</th></tr></thead><tbody>"
        for one in parameters:
            words = one.get("description") or ("part of the address" if one["in"] == "path" else "")
            yield f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(words)}</td></tr>"
        yield "</tbody></table></div>"
    for shape in _shapes(operation):
        yield f"<p class='muted'>{shape}</p>"
    yield "</details>"


def _shapes(operation: Mapping[str, Any]) -> Iterator[str]:
    body = _schema_of(operation.get("requestBody", {}))
    if body:
        yield f"Takes <code>{escape(body)}</code>."
    for status, answer in operation["responses"].items():
        shape = _schema_of(answer)
        if status.startswith("2") and shape:
            yield f"Answers {status} with <code>{escape(shape)}</code>."


def _schema_of(part: Mapping[str, Any]) -> str:
    schema = part.get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("type") == "array":
        schema, listed = schema["items"], "list of "
    else:
        listed = ""
    named = str(schema.get("$ref", "")).rpartition("/")[2]
    return f"{listed}{named}" if named else ""
