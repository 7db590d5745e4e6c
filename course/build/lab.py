"""Copy the students' notebooks into lab/, to work in: `python -m course lab`.

What is there already stays.
"""

from course import ROOT, notebook
from course.build import student

LAB = ROOT / "lab"


def main():
    for page in notebook.pages():
        target = LAB / notebook.handed_out(page)
        if target.is_file():
            print(f"lab/{target.name} is yours; delete it to get a fresh copy")
        else:
            notebook.write(student.student_notebook(page), target)
