from image_assets.wording import some


def test_few_names_are_all_said() -> None:
    assert some([]) == ""
    assert some(["a", "b"]) == "a, b"
    assert some(["a", "b"], 2) == "a, b"


def test_of_many_names_the_first_are_said_and_how_many_more_there_are() -> None:
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
    assert some(range(2_003), 2) == "0, 1 and 2,001 more"
