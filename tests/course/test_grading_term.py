"""What an instructor sets: keys, roster and policy; and that nobody's numbers ever change."""

import datetime
import hashlib

import numpy as np
import pytest

from course import exercises
from course.build import student
from course.grade import collect, files, key, probes, term
from helpers import checks, personal
from tests.support import grading_class
from tests.support.grading_class import PAGE, hand_in


@pytest.fixture
def submissions(tmp_path, monkeypatch):
    return grading_class.begin(tmp_path, monkeypatch)


def test_keys_must_be_there_and_outside(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_KEYS", raising=False)
    with pytest.raises(term.TermError, match="COURSE_KEYS is not set"):
        term.secret()
    monkeypatch.setenv("COURSE_KEYS", str(term.ROOT / "keys"))
    with pytest.raises(term.TermError, match="inside the repository"):
        term.secret()
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path))
    with pytest.raises(term.TermError, match="missing or short"):
        term.secret()
    (tmp_path / "seed.txt").write_text("short")
    with pytest.raises(term.TermError, match="missing or short"):
        term.secret()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,canvas_id\na,1\nb,1\n", "canvas_id '1' in the lines 2 and 3"),
        ("id,moodle_id\na,1\nb,1\n", "moodle_id '1' in the lines 2 and 3"),
        ("id,email\na,a@b\nb,A@b\n", "email 'A@b' in the lines 2 and 3"),
        ("id\nada\n\nADA\n", "id 'ADA' in the lines 2 and 4"),
        ("id\n../x\n", "line 2: the id is '../x', expected"),
        ("id,name\n,Ada\n", "line 2: the id is '', expected"),
        ("id,canvas_id\na,12345.0\n", "line 2: the canvas_id is '12345.0', expected a whole"),
        ("id,name,canvas_id\na,Lovelace, Ada,1\n", "line 2, has more cells"),
        ("identifier,name\na,Ada\n", "names identifier, name, expected the column id"),
        ("", "names nothing, expected the column id"),
        ("id,name\na,Müller\n".encode("latin-1"), 'save it as "CSV UTF-8"'),
        ("id,name\na,Ada\n".encode("utf-16"), 'save it as "CSV UTF-8"'),
    ],
)
def test_a_wrong_roster_is_named(submissions, tmp_path, text, message):
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "keys" / "roster.csv").write_bytes(data)
    with pytest.raises(term.TermError) as problem:
        term.roster()
    assert message in str(problem.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rosters_of_spreadsheets_are_read(submissions, tmp_path, separator):
    lines = [" ID ", "Name", "canvas_id"], ["ada", "Ada Müller", "12"], ["", "", ""]
    text = "".join(separator.join(line) + "\r\n" for line in lines)
    (tmp_path / "keys" / "roster.csv").write_bytes(text.encode("utf-8-sig"))
    assert term.roster() == {"ada": term.Student("ada", "Ada Müller", "12")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("late = 1", "unknown late"),
        ("[deadlines]\nconvolution = 2027-03-01", "with time zone"),
        ("[deadlines]\n01_convolution = 2027-03-01", "deadline of convolution is .* time zone"),
        ("[deadlines]\n01_convolutions = 2027-03-01", "'01_convolutions', expected some of: conv"),
        ("[points]\n01_convolution = 6", "'01_convolution', expected some of: \"convolution.my"),
        ("deadlines = 3", "expected a table"),
        ('missing = "none"', "zero"),
        ("= 3", "cannot be read"),
        ("# Müller", "cannot be read"),
        ("late_per_day = 10", "late_per_day is 10, expected a share from 0 to 1"),
        ("late_at_most = 50", "late_at_most is 50, expected a share"),
        ('late_per_day = "ten"', "'ten', expected a share"),
        ("late_per_day = true", "expected a share"),
        ("late_at_most = -0.1", "expected a share"),
        ("grace_hours = -2", "grace_hours is -2, expected a number of hours"),
        ("grace_hours = inf", "expected a number of hours"),
        ('[points]\n"convolution.my_correlate" = "six"', "my_correlate are 'six', expected a n"),
        ('[points]\n"convolution.my_correlate" = -1', "expected a number"),
        ('[points]\n"convolution.my_corelate" = 6', 'expected some of: .*"convolution.my_correl'),
        ("[points]\nconvolution.my_correlate = 6", "'convolution', expected some of: \"conv"),
    ],
)
def test_a_wrong_policy_is_named(submissions, tmp_path, text, message):
    (tmp_path / "keys" / "policy.toml").write_text(text, encoding="latin-1")
    with pytest.raises(term.TermError, match=message):
        term.policy()


def test_a_wrong_policy_stops_before_anything_is_collected(submissions, tmp_path, monkeypatch):
    (tmp_path / "keys" / "policy.toml").write_text("late_per_day = 10")
    hand_in(submissions, "ada", student.student_notebook(PAGE))
    monkeypatch.setattr("sys.argv", ["collect.py", str(submissions)])
    with pytest.raises(SystemExit, match="late_per_day is 10"):
        collect.main()
    assert not files.GRADING.exists()


def test_a_right_policy_is_taken(submissions, tmp_path):
    (tmp_path / "keys" / "policy.toml").write_text(
        "late_per_day = 0.2\nlate_at_most = 1\ngrace_hours = 2\n"
        f"[deadlines]\n{PAGE} = 2027-03-01T23:59:00+01:00\n"
        '[points]\n"convolution.my_correlate" = 6\n'
    )
    policy = term.policy()
    due = datetime.datetime(2027, 3, 1, 22, 59, tzinfo=datetime.UTC)
    assert policy.deadlines == {PAGE: due} and policy.points == {"convolution.my_correlate": 6}
    assert policy.is_due(PAGE, due) and policy.is_due("kernels", due)
    before = due - datetime.timedelta(seconds=1)
    assert not policy.is_due(PAGE, before)
    assert term.digest(before) != term.digest(due), "the book is made again after a deadline"
    assert term.digest(due) == term.digest(due + datetime.timedelta(days=1))


def test_lateness_costs_by_the_day_up_to_a_limit():
    due = datetime.datetime(2027, 3, 1, tzinfo=datetime.UTC)
    policy = term.Policy({PAGE: due}, late_per_day=0.1, late_at_most=0.3, grace_hours=2)
    hours = {-1: 1, 1: 1, 2: 1, 3: 0.9, 25: 0.9, 27: 0.8, 24 * 30: 0.7}
    for late, kept in hours.items():
        assert policy.kept(PAGE, due + datetime.timedelta(hours=late)) == pytest.approx(kept)
    assert policy.kept("another", due) == 1


def test_another_secret_asks_for_other_numbers(submissions, tmp_path):
    exercise = next(e for e in probes.graded(PAGE) if e.check.cases)
    first = probes.cases(exercise)
    assert all(
        np.array_equal(a, b) for a, b in zip(first[0], probes.cases(exercise)[0], strict=True)
    )
    (tmp_path / "keys" / "seed.txt").write_text("another secret of this term")
    second = probes.cases(exercise)
    assert not np.array_equal(first[0][0], second[0][0])
    public = exercise.check.cases(np.random.default_rng(checks.PRACTICE_SEED))
    assert not np.array_equal(first[0][0], public[0][0])


def test_a_policy_of_names_with_numbers_is_understood(submissions, tmp_path):
    """As pages were called once, and as students' notebooks are called."""
    (tmp_path / "keys" / "policy.toml").write_text(
        f"[deadlines]\n01_{PAGE} = 2027-03-01T23:59:00+01:00\n"
        "42_kernels = 2027-03-08T23:59:00+01:00\n"
        '[points]\n"01_convolution.my_correlate" = 6\n'
    )
    policy = term.policy()
    assert set(policy.deadlines) == {PAGE, "kernels"}
    assert policy.points == {"convolution.my_correlate": 6}
    (tmp_path / "keys" / "policy.toml").write_text(
        f"[deadlines]\n{PAGE} = 2027-03-01T23:59:00+01:00\n01_{PAGE} = 2027-03-01T23:59:00+01:00\n"
    )
    with pytest.raises(term.TermError, match="has convolution twice, once as '01_convolution'"):
        term.policy()


# --- what no change of the course may change ----------------------------------------------------

# Noted when the files of pages still had numbers, with the seed of these tests.
SEEDS = {
    "convolution.my_valid": "67c0851b99145b0d",
    "convolution.my_same": "e756840511e3b06e",
    "convolution.my_full": "34f56353c7939a04",
    "convolution.my_pooling": "6d6e61d09bba718d",
    "convolution.my_correlate": "8cbd52b385368173",
    "kernels.separated": "2e9ffa08ef2edf07",
    "cifar_cnn.count_parameters": "91be27122a338517",
    "inside_the_network.grad_cam": "cec1470d8a65f783",
    "inside_the_network.rank_correlation": "db4d2df53ff20b0b",
    "first_cnn.my_network": "b3e45fde0dc8b66f",
    "gw_data.split_by_event": "4f8915183ad6adb8",
    "gw_classifier.threshold": "f9b3ffd5632ee96a",
    "gw_classifier.loudest_match": "7385d3883b718b4d",
}
SECRET_INPUTS = {"convolution": "6ab02110b0fb64ac", "kernels": "69c5d64c7abc2ac8"}
OF_ADA = {
    "my_valid": [[70, 34, 69], [75, 61, 83], [73, 78, 82]],
    "my_same": [[70, 34, 69, 42], [75, 61, 83, 40], [73, 78, 82, 32], [42, 38, 44, 16]],
    "my_full": [
        [24, 28, 8, 28, 14], [58, 70, 34, 69, 42], [59, 75, 61, 83, 40], [62, 73, 78, 82, 32],
        [40, 42, 38, 44, 16],
    ],
    "my_pooling": [[53, 39], [46, 53]],
}  # fmt: skip


def test_the_secret_inputs_of_a_term_stay_what_they_are(submissions):
    graded = [e for e in exercises.all_exercises() if e.graded]
    names = [probes.full_name(exercise) for exercise in graded]
    assert {n: bytes(term.seed_of(n)).hex()[:16] for n in names if n in SEEDS} == SEEDS
    for page, digest in SECRET_INPUTS.items():
        probes.probe_bytes.cache_clear()
        assert hashlib.sha256(probes.probe_bytes(page)).hexdigest()[:16] == digest
    probes.probe_bytes.cache_clear()


def test_nobodys_own_numbers_change():
    found = key.solved(PAGE, "ada")
    for exercise in probes.graded(PAGE):
        if exercise.name in OF_ADA:
            np.testing.assert_array_equal(found[exercise.answer], OF_ADA[exercise.name])
            assert exercise.check.outcome(found[exercise.answer], "ada").status == checks.RIGHT
    numbers = [personal.matrix(who, "kernel", (2, 2), 1, 6) for who in ("ada", " ADA")]
    np.testing.assert_array_equal(*numbers)
