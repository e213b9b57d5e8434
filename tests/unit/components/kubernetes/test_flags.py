"""Flags: text that the server reads back as what was meant."""

from components.kubernetes.flags import render_flags


def test_flags_are_rendered_sorted_and_booleans_as_the_server_spells_them():
    assert render_flags({"port": 8500, "model_name": "m", "enable_profiler": False}) == [
        "--enable_profiler=false",
        "--model_name=m",
        "--port=8500",
    ]
