# SPDX-License-Identifier: MIT
"""The formats of a soak: Markdown, JUnit, one page. All are made from soak.json."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, StrictUndefined
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from markupsafe import Markup

from pvtest import paths
from pvtest.errors import EXIT_ERROR, EXIT_FAIL
from pvtest.report.html import FOLDER
from pvtest.report.markdown import MAX_PAGE, code, escaped
from pvtest.report.tap_junit import by_the_schema, xml_text

_ROOM = 100  # characters of Markdown for the last line
COLUMNS = {"rounds": "rounds", "boots": "boots", "instances": "instances", "failed": "rounds that failed"}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{{ word | upper }} · soak</title>
<link rel="icon" href="data:,">
<style>{{ css }}</style>
</head>
<body>
<header><div>
  <h1><span class="verdict {{ word }}">{{ word }}</span>Soak</h1>
  <div class="counts">
    {%- for key, title in columns.items() %}
    <div><b{% if key == 'failed' %} class="{{ 'fail' if whole[key] else 'zero' }}"{% endif %}>
      {{- '{:,}'.format(whole[key]) }}</b>{{ title }}</div>
    {%- endfor %}
  </div>
  <p>{{ sentence }}</p>
</div></header>
<main>
<h2>Machines</h2>
<div class="scroll"><table>
<tr><th>machine</th>{% for title in columns.values() %}<th class="n">{{ title }}</th>{% endfor %}</tr>
{%- for entry in machines %}
<tr><td>{{ entry.machine }}</td>
{%- for key in columns %}<td class="n">{{ '{:,}'.format(entry[key]) }}</td>{% endfor %}</tr>
{%- endfor %}
</table></div>
{%- if whole.work %}
<h2>Random work</h2>
<div class="scroll"><table>
{%- for what, count in whole.work.items() %}
<tr><td>{{ what }}</td><td class="n">{{ '{:,}'.format(count) }}</td></tr>
{%- endfor %}
</table></div>
{%- endif %}
<h2>Findings</h2>
{%- for finding in findings %}
<div class="card"><b>Round {{ finding.round }}, {{ finding.machine }}</b>: exit code {{ finding.exit_code }}
<p class="id">{{ finding.tests | join(", ") or finding.why }}</p>
<pre class="code">{{ finding.command }}</pre>
<p>Its results are in <span class="id">{{ finding.folder }}</span>.</p></div>
{%- else %}
<p>None: {{ problem or "every round passed" }}.</p>
{%- endfor %}
</main>
</body>
</html>
"""


def version() -> str:
    """Of this suite."""
    return paths.VERSION.read_text(encoding="utf-8").strip()


def word(found: dict[str, Any]) -> str:
    """The verdict in one word."""
    return {0: "pass", 1: "fail"}.get(found["exit_code"], "error")


def problem(found: dict[str, Any]) -> str:
    """Of the soak as a whole, which no finding tells; or nothing."""
    told = any(finding["exit_code"] != EXIT_FAIL for finding in found["findings"])
    return "the soak was interrupted" if found["exit_code"] == EXIT_ERROR and not told else ""


def verdict(found: dict[str, Any]) -> str:
    """One line."""
    whole = found["whole"]
    done = f"{whole['rounds']:,} rounds, {whole['boots']:,} boots, {whole['instances']:,} instances"
    ended = f"; {problem(found)}" if problem(found) else ""
    return f"{word(found).upper()}  {done} in {found['seconds'] / 60:.1f} min; {whole['failed']} rounds failed{ended}"


def _facts(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {text}" for name, text in found["versions"].items())
    return f"{verdict(found)}. Seed {found['seed']}; {versions}."


def markdown(found: dict[str, Any]) -> str:
    """For the summary page of a CI system."""
    lines = [f"# Soak: {escaped(verdict(found))}", "", escaped(_facts(found)), ""]
    lines += [f"| machine | {' | '.join(COLUMNS.values())} |", "|---|" + "---:|" * len(COLUMNS)]
    for entry in [*found["machines"], {"machine": "all", **found["whole"]}]:
        lines.append(f"| {escaped(entry['machine'])} | " + " | ".join(f"{entry[key]:,}" for key in COLUMNS) + " |")
    lines += [""] + [f"* {count:,} {escaped(what)}" for what, count in found["whole"]["work"].items()]
    size, told = sum(len(line) + 1 for line in lines), 0
    for finding in found["findings"]:
        tests = escaped(", ".join(finding["tests"]) or finding["why"])
        head = f"Round {finding['round']}, {escaped(finding['machine'])}: exit code {finding['exit_code']}"
        more = ["", f"**{head}**: {tests}", "", code(finding["command"])]
        size += sum(len(line) + 1 for line in more)
        if size > MAX_PAGE - _ROOM:
            break
        lines += more
        told += 1
    left = len(found["findings"]) - told
    if left > 0:
        lines += ["", f"{left} more findings are in soak.json."]
    return "\n".join(lines) + "\n"


def junit(found: dict[str, Any]) -> str:
    """A test case for each machine, and one for each round that failed."""
    suite = TestSuite("pvtest-soak")
    for name, text in {**found["versions"], "seed": str(found["seed"])}.items():
        suite.add_property(name, xml_text(text))
    for entry in found["machines"]:
        case = TestCase(xml_text(entry["machine"]), classname="pvtest.soak")
        if entry["failed"]:
            case.result = [Failure(f"{entry['failed']} of {entry['rounds']} rounds failed", "fail")]
        elif not entry["rounds"]:
            case.result = [Skipped("no round had this machine", "skip")]
        suite.add_testcase(case)
    for finding in found["findings"]:
        case = TestCase(f"round {finding['round']}", classname=f"pvtest.soak.{xml_text(finding['machine'])}")
        kind, verdict = (Failure, "fail") if finding["exit_code"] == EXIT_FAIL else (Error, "error")
        failure = kind(xml_text(", ".join(finding["tests"]) or finding["why"]), verdict)
        failure.text = xml_text(finding["command"])
        case.result = [failure]
        suite.add_testcase(case)
    if problem(found):
        case = TestCase("soak", classname="pvtest.soak")
        case.result = [Error(problem(found), "error")]
        suite.add_testcase(case)
    xml = JUnitXml("pvtest-soak")
    xml.add_testsuite(suite)
    xml.update_statistics()
    by_the_schema(xml)
    return str(xml.tostring().decode("utf-8"))


def html(found: dict[str, Any]) -> str:
    """One self-contained page."""
    page = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True).from_string(_PAGE)
    return page.render(
        css=Markup((FOLDER / "report.css").read_text(encoding="utf-8")),
        word=word(found),
        sentence=_facts(found),
        problem=problem(found),
        columns=COLUMNS,
        whole=found["whole"],
        machines=found["machines"],
        findings=found["findings"],
    )
