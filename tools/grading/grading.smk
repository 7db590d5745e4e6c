# Grading a class: `make grade SUBMISSIONS=dir` collects, then calls these rules. Each batch is a job
# of its own, so the same command grades on this computer, on Slurm or on Kubernetes. What a student
# answered is kept beside the outputs, so that a killed job does not do again what it had done.

GRADING_CODE = sorted(glob("tools/grading/*.py"))
HELPERS_CODE = sorted(glob("helpers/**/*.py", recursive=True))
BATCHES = sorted(os.path.basename(p)[:-5] for p in glob("_build/grading/batches/*.json"))


rule grades:
    input:
        judged=expand("_build/grading/judged/{batch}.json", batch=BATCHES),
        code=GRADING_CODE,
    output:
        "_build/grading/gradebook.sqlite",
    params:
        term=lambda w: term_digest(),
    shell:
        "python tools/grading/gradebook.py {input.judged}"


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
    resources:
        runtime=60,
        mem_mb=3000,
    shell:
        "python tools/grading/batch.py {input.batch} {output}"


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
        "TF_NUM_INTRAOP_THREADS=1 python tools/grading/judge.py {input.ran} {output}"
