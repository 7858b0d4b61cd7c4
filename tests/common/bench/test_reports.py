"""The reports of the measurements, from figures."""

import math

from webviewer.bench import drag, guessing, opening_report, render_report
from webviewer.bench.peer_clock import PeerClock

DRAGGED = {
    "previews per second": 31.0, "median": 30.0, "p95": 81.0, "last input to final": 300.0, "server CPU per frame": 5.0,
    "page main thread per frame": 6.0, "kB per frame": 20.0, "frames held": 2, "out of order": 0, "frames": 400,
}  # fmt: skip


def test_a_drag_is_judged_by_its_first_run():
    figures = {"seconds": 6.0, "runs": {"MPR crosshair": {"1": DRAGGED, "4": DRAGGED | {"previews per second": 3.0}}}}
    lines = drag.text(figures).splitlines()
    assert "| MPR crosshair | 1 browser | 4 browsers | target | verdict on the first |" in lines
    assert "| previews/s in each picture | 31 | 3 | >= 30 | met |" in lines
    assert "| input to picture, p95 ms | 81 | 81 | <= 80 | missed |" in lines
    assert "| frames waiting in a page, at most | 2 | 2 | <= 6 | met |" in lines


def test_a_rotation_has_targets_of_its_own():
    lines = drag.text({"seconds": 6.0, "runs": {"3D rotation": {"1": DRAGGED}}}).splitlines()
    assert "| previews/s in each picture | 31 | >= 12 | met |" in lines
    assert "| input to picture, p95 ms | 81 | - | - |" in lines


def test_renderers_are_compared_by_how_many_times_as_much_they_cost():
    ours = {"oblique preview": 4.0, "composite preview": 70.0, "mip final": 300.0}
    figures = {
        "WebViewer": {"512": ours, "1024": ours},
        "trame-rca": {"512": {"oblique preview": 24.0}},
        "reslice": {"512": {"oblique preview": 16.0}},
        "fixed-point": {"512": {"mip final": 450.0}},
        "users": {"users": 4, "frames per second": 10.0, "users per core": 25.0},
        "psnr": {"composite 512": 30.5},
        "server resident MB": 900.0,
    }
    lines = render_report.text(figures).splitlines()
    assert "| oblique preview | 512 | 4 | 24 (6.0x) | 16 (4.0x) | - | >= 5x trame-rca | met |" in lines
    assert "| mip final | 512 | 300 | - | 450 (1.5x) | - | >= 2x VTK on the processor | missed |" in lines
    assert "| oblique preview | 1024 | 4 | - | - | - | - | - |" in lines
    assert "| times as many users as trame-rca | 6 | >= 5 | met |" in lines
    assert "| composite preview at 512, CPU ms | 70 | <= 60 | missed |" in lines
    assert "| composite 512: preview to final, PSNR dB | 30.5 | >= 30 | met |" in lines


def test_an_opening_is_compared_with_reading_and_decoding_alone():
    found = {"slices": 140, "raw": 300.0, "first image": 151.0, "lossless image": 160.0, "first MPR": 90.0}
    text = opening_report.text({"series": {"given": found | {"complete MPR": 450.0}}})
    assert "| first image, ms | 151 | <= 150 | missed |" in text
    assert "| plane of all slices, ms | 450 (1.50x) | <= 1.5x reading and decoding | met |" in text


def test_a_long_series_is_judged_by_how_much_the_page_grew():
    def sample(seconds: float, page: float) -> dict[str, float]:
        rest = dict.fromkeys(("page own", "page heap", "server resident", "server own", "server pixels"), 1.0)
        return {"seconds": seconds, "slice": 1 + seconds, "page resident": page} | rest

    found = {
        "slices": 3000, "raw": 1.0, "upload": 60.0, "page to lossless image": 1.0, "complete MPR": 2.0, "scrolling": 75.0,
        "pictures": 2900, "out of order": 0, "samples": [sample(float(k), 200.0 + k) for k in range(52)],
    }  # fmt: skip
    lines = opening_report.text({"series": {}, "long": found}).splitlines()
    assert "| page grew from first to last slice, MB | 51 | <= 50 | missed |" in lines
    assert "| 51 | 52 | 251 | 1 | 1 | 1 | 1 | 1 |" in lines


def test_a_peer_warms_up_and_then_draws_as_many_frames_as_asked_for():
    clock, numbers = PeerClock(4), []
    while clock.more():
        numbers.append(clock.number)
        clock.drawn()
    assert numbers == [-3, -2, -1, 0, 1, 2, 3]
    assert math.isfinite(clock.milliseconds())


def test_a_refusal_that_takes_longer_for_known_names_is_found_and_noise_is_not():
    noise = [50.0 + number % 7 for number in range(100)]
    late = [value + 4 for value in noise]
    assert "nothing beyond noise" in guessing.text(noise, noise, guessing.difference(noise, noise))
    assert "the time tells who exists" in guessing.text(late, noise, guessing.difference(late, noise))
