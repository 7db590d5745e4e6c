"""Copy the students' notebooks into lab/, to work in: `python tools/lab.py`.

What is there already stays.
"""

import notebook
import student

LAB = notebook.ROOT / "lab"


def main():
    for page in notebook.pages():
        target = LAB / f"{page}.ipynb"
        if target.is_file():
            print(f"lab/{target.name} is yours; delete it to get a fresh copy")
        else:
            notebook.write(student.student_notebook(page), target)


if __name__ == "__main__":
    main()
