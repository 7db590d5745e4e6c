"""A question: what belongs to it. Its texts stand on the page, so it needs no picture."""

from widgets.widget import ANSWERS, TEXT, Widget

WIDGET = Widget("widgets/quiz.js", "Question", {"question": TEXT, "answers": ANSWERS})
