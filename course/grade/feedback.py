"""What a student gets back: one page of HTML that needs nothing else, and runs nothing."""

import html

from course.grade import files

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
ul { list-style: none; padding: 0; }
li { border-left: .25rem solid #888; padding: .3rem .8rem; margin: .6rem 0; }
li.right { border-color: #1a7f4b; } li.wrong { border-color: #b3541e; }
.points { float: right; margin-left: 1rem; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
.quiet { opacity: .8; font-size: .9rem; }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
MARKS = {"right": "✓", "wrong": "✗"}


def page_of(who, student, grades):
    """Return the feedback for one student.

    Parameters
    ----------
    who : str
    student : grading.term.Student or None
        From the roster.
    grades : list of PageGrade

    Returns
    -------
    str
        HTML. Whatever came from the student is shown as text.
    """
    name = html.escape(student.name if student and student.name else who)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>Feedback for {name}</title><style>{STYLE}</style></head><body>",
        f"<h1>Convolutions to Chirps: feedback for {name}</h1>",
    ]
    for made in grades:
        if made.points is None:
            points = "excused" if made.excused else f"up to {made.of:g} points"
        else:
            points = f"{made.points:g} of {made.of:g} points"
        parts.append(f"<h2>{html.escape(made.page)}: {points}</h2>")
        if made.note:
            parts.append(f"<p>{html.escape(made.note[:1].upper() + made.note[1:])}.</p>")
        parts.append("<ul>")
        for verdict in made.verdicts:
            status = verdict["status"]
            kind = status if status in MARKS else "open"
            parts.append(
                f'<li class="{kind}"><span class="points">{verdict["earned"]:g} of '
                f"{verdict['points']:g}</span>"
                f"<strong>{html.escape(verdict['name'].split('.')[-1])}</strong>: "
                f"{MARKS.get(status, '·')} {status}. {html.escape(verdict['message'])}</li>"
            )
        parts.append("</ul>")
        for problem in made.problems:
            parts.append(f"<p>{html.escape(problem[:1].upper() + problem[1:])}.</p>")
        if made.errors:
            parts.append('<p class="quiet">When your notebook was run, these cells failed:</p>')
            for number, error in sorted(made.errors.items(), key=lambda item: int(item[0])):
                parts.append(f"<pre>cell {int(number) + 1}: {html.escape(error)}</pre>")
    parts.append(
        '<p class="quiet">Only the graded cells of a notebook are run, and those that you added. '
        "Functions were tried on numbers that were drawn after the handing in. If you think that "
        "something here is wrong, say so: ask for the exercise by its name.</p></body></html>"
    )
    return "\n".join(parts)


def write(path, who, student, grades):
    """Write the feedback for one student, whole."""
    files.write_text(path, page_of(who, student, grades))
