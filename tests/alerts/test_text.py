"""What a message says and where its links lead."""

from image_assets.alerts.text import Links


def test_the_link_of_an_evaluation_leads_to_the_log_of_its_own_run():
    links = Links("https://ui.example.org/")
    one, other = (links.check(run, "birds", "raw_images", "ids_loaded_once") for run in ("run/1", "run/2"))
    said = "asset%20check%20%27ids_loaded_once%27%20on%20%27birds%2Fraw_images%27"
    assert one == f"https://ui.example.org/runs/run%2F1?logs={said}"
    assert other == f"https://ui.example.org/runs/run%2F2?logs={said}"  # of another partition: another run


def test_without_an_address_of_the_ui_there_are_no_links():
    assert Links(None).check("run", "birds", "raw_images", "ids_loaded_once") is None
    assert Links(None).run("run") is None
