"""The command for any pair of strain files: what it finds, and what it says about bad ones."""

import json
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from chirps import __main__ as command
from chirps import analysis, gwosc, images, search, strain
from chirps.grid import SAMPLE_RATE
from tests.support import ROOT


@pytest.fixture(scope="module")
def pair():
    return strain.simulated_pair()


@pytest.fixture(autouse=True)
def part_of_the_bank(monkeypatch):
    """Search heavy binaries only: seconds instead of a minute."""
    part = search.template_bank().within(30)
    monkeypatch.setattr(search, "template_bank", lambda: part)


def write(path, one, values=None, rate=None):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("strain/Strain", data=one.values if values is None else values)
        data.attrs["Xspacing"] = 1 / (rate or one.sample_rate)
        file["meta/GPSstart"], file["meta/Duration"] = int(one.gps_start), round(one.duration)
        file["meta/Detector"] = one.detector
    return str(path)


@pytest.fixture(scope="module")
def files(pair, tmp_path_factory):
    folder = tmp_path_factory.mktemp("strain")
    return [write(folder / f"{name}.hdf5", one) for name, one in pair.strains.items()]


@pytest.fixture(scope="module")
def result(pair):
    """The analysis of the simulated event."""
    part = search.template_bank().within(30)
    return analysis.analyse(pair.strains, pair.event.gps, network=None, bank=part)


@pytest.fixture(scope="module")
def gps(pair):
    return f"{pair.event.gps}"


def refused(capsys, *arguments):
    """Run the command; it must exit with 2 and one line. Return the line."""
    try:
        code = command.main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        code = stop.code
    said = capsys.readouterr()
    assert code == 2 and not said.out
    assert said.err.startswith("error: ") and said.err.count("\n") == 1
    return said.err


def test_the_signal_is_reported_line_by_line_in_json_and_as_a_picture(
    files, gps, capsys, tmp_path, pair
):
    picture = tmp_path / "event.png"
    assert command.main([*files, "--gps", gps, "--json", "--plot", str(picture)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert 22 < result["network_snr"] < 27
    assert abs(result["delay_ms"] + 6.9) < 0.5
    assert abs(result["detectors"]["H1"]["gps"] - pair.event.gps) < 0.02
    assert all(d["chi_squared"] < 2 for d in result["detectors"].values())
    background = result["background"]
    assert background["seconds_louder"] == 0 and not background["independent"]
    limit = 1 - 0.1 ** (1 / background["effective_seconds"])  # none seen, 90 % confidence
    assert result["false_alarm_probability_limit"] == pytest.approx(limit)
    assert result["confidence"] == 0.9
    assert background["effective_seconds"] > 5000
    with Image.open(picture) as drawn:
        assert drawn.format == "PNG" and min(drawn.size) > 500
        assert len(np.unique(np.asarray(drawn.convert("RGB")).reshape(-1, 3), axis=0)) > 100

    assert command.main([*files[::-1], "--gps", gps]) == 0  # in the other order
    lines = capsys.readouterr().out.splitlines()
    starts = ["H1", "L1", "network", "delay", "false alarms", "background", "classifier"]
    assert [line.partition(":")[0].split(" gw")[0] for line in lines] == starts
    assert f"SNR {result['network_snr']:.1f}" in lines[2]
    assert "L1 before H1" in lines[3]
    assert f"at most {limit:.2g} (90 % upper limit); 0 s of the background" in lines[4]
    assert "not independent" in lines[5]


def test_a_quiet_time_is_no_discovery(pair):
    result = analysis.analyse(pair.strains, pair.event.gps - 6.0, network=None)
    assert result.candidate.network_snr < 9
    assert result.probability > 0.01
    if not result.candidate.coincident:
        assert result.probability == 1
        assert any(line.startswith("no coincidence") for line in result.lines())
        assert result.as_dict()["background"]["seconds_louder"] is None


def test_the_loudest_pair_is_reported_where_nothing_coincides(pair, monkeypatch):
    monkeypatch.setattr(analysis, "_candidate", lambda *arguments: None)
    result = analysis.analyse(pair.strains, pair.event.gps, network=None)
    assert not result.candidate.coincident and result.probability == 1
    # The same peaks, found by the other search.
    assert 22 < result.candidate.network_snr < 27
    assert abs(1e3 * result.candidate.delay + 6.9) < 0.5
    assert np.abs(result.candidate.gps - pair.event.gps).max() < 0.02


def test_the_series_peaks_where_the_candidate_is(result):
    peaks = result.snr_times[result.snr_series.argmax(1)]
    np.testing.assert_allclose(peaks, result.candidate.gps - result.gps, atol=1e-3)
    np.testing.assert_allclose(result.snr_series.max(1), result.candidate.snr, rtol=0.03)


def test_long_files_are_cut_to_what_is_needed():
    n = 300
    values = np.repeat(np.arange(n), 2048).astype(float)
    long = gwosc.Strain("H1", 1000.0, 2048, values, np.arange(n, dtype=np.uint32))
    for gps, start in ((1150.4, 1086), (1003.0, 1000), (1299.0, 1172)):
        cut = analysis._around(long, gps)
        assert (cut.gps_start, cut.duration) == (start, analysis.LONGEST)
        assert cut.values[0] == cut.quality[0] == start - 1000


# ------------------------------------------------------------------------------ the classifier


def test_a_released_network_is_asked_and_never_certain(pair, result, monkeypatch):
    monkeypatch.setattr(analysis, "released_network", lambda name: name)
    asked = []

    def score(model, energies):
        asked.append(energies.shape)
        return energies.max((1, 2)).min(1)  # bright in both detectors

    monkeypatch.setattr(analysis, "score", score)
    whitened = [strain.whiten(one, exclude=pair.event.gps) for one in pair.strains.values()]
    network = analysis.network_score("gw_any", whitened, pair.event.gps)
    assert asked == [(1 + network.n_windows, images.N_ROWS, images.N_COLUMNS, 2)]
    assert network.n_windows > 300
    assert network.n_louder == 0
    assert network.probability == pytest.approx(1 - 0.1 ** (1 / network.n_windows))
    told = replace(result, network=network)
    assert "classifier gw_any" in told.lines()[-1] and "not independent" in told.lines()[-1]
    assert told.as_dict()["classifier"]["windows_louder"] == 0


@pytest.mark.parametrize(("n_windows", "n_louder"), [(400, 0), (400, 7), (3, 2)])
def test_the_probability_of_the_network_is_an_upper_limit(n_windows, n_louder):
    """At that probability, so few windows would score as high in one background of ten."""
    told = analysis.NetworkScore("gw_any", 1.0, n_windows, n_louder)
    assert stats.binom(n_windows, told.probability).cdf(n_louder) == pytest.approx(0.1)


@pytest.mark.parametrize("n_windows", [0, 5])
def test_a_probability_is_at_most_one(n_windows):
    assert analysis.NetworkScore("gw_any", 1.0, n_windows, n_windows).probability == 1


def test_the_second_of_the_candidate_is_not_in_the_background(pair):
    whitened = strain.whiten(pair.strains["H1"], exclude=pair.event.gps)
    starts, energies = analysis._quiet_seconds(whitened, pair.event.gps)
    windows = starts + 2.5
    assert len(starts) == len(energies) > 20
    assert np.all((windows > pair.event.gps + 0.5) | (windows + 1 < pair.event.gps - 0.5))
    assert 0.9 < np.median(energies) < 1.1


@pytest.mark.parametrize("outputs", [1, 2])
def test_scores_are_log_odds(outputs):
    from helpers.backend import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((images.N_ROWS, images.N_COLUMNS, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(outputs, activation="sigmoid"),
        ]
    )
    energies = np.random.default_rng(0).exponential(1, (5, 39, 100, 2)).astype(np.float32)
    p = np.asarray(model(images.from_bytes(images.to_bytes(energies))), float)
    odds = np.log(p / (1 - p))
    expected = odds[:, 0] if outputs == 1 else odds[:, 1] - odds[:, 0]
    np.testing.assert_allclose(analysis.score(model, energies), expected, rtol=1e-3, atol=1e-4)


def test_no_network_of_that_name_is_an_error(files, gps, capsys):
    said = refused(capsys, *files, "--gps", gps, "--network", "gw_none")
    assert "no released network 'gw_none'" in said
    said = refused(capsys, *files, "--gps", gps, "--network", "first_cnn")
    assert "not one for gravitational waves" in said


# -------------------------------------------------------------------------------------- bad input


def test_a_truncated_file_is_named(files, gps, capsys, tmp_path):
    broken = tmp_path / "broken.hdf5"
    content = open(files[0], "rb").read()
    broken.write_bytes(content[: len(content) // 2])
    assert "broken.hdf5 is truncated" in refused(capsys, broken, files[1], "--gps", gps)


def test_a_missing_file_or_detector_is_named(files, gps, capsys):
    assert "no file nowhere.hdf5" in refused(capsys, "nowhere.hdf5", files[1], "--gps", gps)
    assert "L1 is missing" in refused(capsys, files[0], files[0], "--gps", gps)


def test_a_wrong_sampling_rate_is_named(pair, files, gps, capsys, tmp_path):
    odd = write(tmp_path / "odd.hdf5", pair.strains["H1"], rate=3000)
    assert "3000 Hz" in refused(capsys, odd, files[1], "--gps", gps)


def test_a_gap_at_the_time_is_named(pair, files, gps, capsys, tmp_path):
    one = pair.strains["L1"]
    values = one.values.copy()
    at = round((pair.event.gps - one.gps_start) * one.sample_rate)
    values[at : at + 100] = np.nan
    gap = write(tmp_path / "gap.hdf5", one, values)
    said = refused(capsys, files[0], gap, "--gps", gps)
    assert "too near a gap" in said and "of clean strain" in said


def test_a_gap_elsewhere_shortens_the_search(pair):
    one = pair.strains["L1"]
    values = one.values.copy()
    values[: 3 * one.sample_rate] = np.nan
    gappy = {**pair.strains, "L1": replace(one, values=values)}
    whitened = [strain.whiten(gappy[d], exclude=pair.event.gps) for d in ("H1", "L1")]
    start, series = analysis._common_stretch(whitened, pair.event.gps)
    assert start == one.gps_start + 4  # three seconds of gap, one of edge
    assert series.shape == (2, 27 * SAMPLE_RATE) and np.isfinite(series).all()


@pytest.mark.parametrize("outside", [-100, 15.5, 100])
def test_a_time_outside_or_at_the_end_is_named(files, pair, capsys, outside):
    said = refused(capsys, *files, "--gps", pair.event.gps + outside)
    assert "is not inside the file" in said or "the end of the data" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gps", "yesterday"], "'yesterday' is no GPS time"),
        (["--gps", "nan"], "no GPS time"),
        ([], "required: --gps"),
        (["--gps", "1", "--plot", "picture.txt"], "must end in .png"),
        (["--gps", "1", "--plot", "nowhere/picture.png"], "folder 'nowhere' does not exist"),
    ],
)
def test_wrong_options_are_named(files, capsys, options, message):
    assert message in refused(capsys, *files, *options)


# ----------------------------------------------------------------------------------- real events


def real_files(event):
    pair = strain.load_event(event, verbose=False)
    if pair.source.stand_in:
        pytest.skip("the strain files are out of reach")
    return pair


@pytest.mark.slow
@pytest.mark.parametrize("event", list(strain.EVENTS))
def test_the_published_events_stand_above_every_second_of_background(event, monkeypatch):
    monkeypatch.undo()  # the whole bank
    pair = real_files(event)
    result = analysis.analyse(pair.strains, pair.event.gps, network=None)
    assert result.candidate.coincident
    assert result.background.louder_than(result.candidate.network_new_snr) == 0
    assert result.probability == pytest.approx(np.log(10) / result.background.time, rel=1e-3)
    assert 2e-4 < result.probability < 7e-4
    assert abs(result.candidate.network_snr / pair.event.snr - 1) < 0.12


@pytest.mark.slow
def test_the_command_runs_as_a_program(files, gps):
    run = subprocess.run(
        [sys.executable, "-m", "chirps", *files, "--gps", gps],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr
    assert "delay" in run.stdout and not run.stderr
