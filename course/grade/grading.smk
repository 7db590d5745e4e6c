# Grading a class: `make grade SUBMISSIONS=dir` collects, then calls these rules. Each batch is a job
# of its own, so the same command grades on this computer, on Slurm or on Kubernetes. What a student
# answered is kept beside the outputs, so that a killed job does not do again what it had done.

import datetime
import hashlib
from pathlib import Path

from course.grade import term


def seed_digest():
    """Return a digest of the term's secret: another secret, other inputs."""
    return hashlib.sha256(term.secret().encode()).hexdigest()


GRADING_CODE = sorted(map(str, Path("course").rglob("*.py")))
HELPERS_CODE = [str(p) for room in ("inside", "helpers", "chirps") for p in sorted(Path(room).rglob("*.py"))]
BATCHES = sorted(path.stem for path in Path("_build/grading/batches").glob("*.json"))


rule grades:
    input:
        judged=expand("_build/grading/judged/{batch}.json", batch=BATCHES),
        code=GRADING_CODE,
    output:
        "_build/grading/gradebook.sqlite",
    params:
        term=lambda w: term.digest(datetime.datetime.now(datetime.UTC)),
    shell:
        "python -m course gradebook {input.judged}"


rule run_batch:
    input:
        batch="_build/grading/batches/{batch}.json",
        code=GRADING_CODE,
        pages=expand("notebooks/{page}.md", page=PAGES),
    output:
        "_build/grading/ran/{batch}.json",
    params:
        seed=lambda w: seed_digest(),
    threads: 1
    retries: 1  # where a sandbox did not come up; what a student's code does fails no job
    resources:
        runtime=60,
        mem_mb=3000,
    shell:
        "python -m course run-batch {input.batch} {output}"


rule judge_batch:
    input:
        ran="_build/grading/ran/{batch}.json",
        code=GRADING_CODE + HELPERS_CODE,
    output:
        "_build/grading/judged/{batch}.json",
    params:
        seed=lambda w: seed_digest(),
    threads: 1
    resources:
        runtime=60,
        mem_mb=4000,
    shell:
        "TF_NUM_INTRAOP_THREADS=1 python -m course judge {input.ran} {output}"
