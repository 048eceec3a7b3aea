import pytest

from cairn_matching import normalise


@pytest.mark.parametrize(
    ("written", "name"),
    [("O'Brien", "obrien"), ("Müller-Lüdenscheidt", "muller ludenscheidt"), ("Dr. Jones Jr.", "jones"), ("N/A", "")],
)
def test_names_lose_accents_titles_and_punctuation(written: str, name: str) -> None:
    assert normalise.name(written) == name


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("Ludwig van Beethoven", ("ludwig", "van beethoven")),
        ("Brown, Mary Ann", ("mary ann", "brown")),
        ("Cher", ("", "cher")),
    ],
)
def test_a_full_name_is_parted_into_given_name_and_surname(written: str, parts: tuple[str, str]) -> None:
    assert normalise.full_name(written) == parts


@pytest.mark.parametrize(
    "written",
    ["1990-04-03", "19900403", "3.4.1990", "03/04/90", "3 April 1990", "April 3, 1990", "1990-04-03T00:00:00Z"],
)
def test_a_date_is_the_same_however_it_is_written(written: str) -> None:
    assert normalise.date(written) == "19900403"


def test_a_column_of_dates_tells_its_order_by_the_days_above_twelve() -> None:
    assert normalise.date_order(["01/02/1990", "04/25/1990"]) == "mdy"
    assert normalise.date_order(["01/02/1990", "25/04/1990"]) == "dmy"
    assert normalise.date("01/02/1990", "mdy") == "19900102"


def test_a_day_that_does_not_exist_stays_as_written_for_it_may_be_a_typo() -> None:
    assert normalise.date("19450231") == "19450231"


def test_telephones_with_and_without_their_country_become_one() -> None:
    assert normalise.phone("020 7946 0018", "GB") == normalise.phone("+44 20 7946 0018") == "+442079460018"
    assert normalise.phone("000000000") == ""


def test_e_mail_addresses_lose_tags_and_the_dots_that_do_not_count() -> None:
    assert normalise.email(" Jo.Doe+news@GoogleMail.com ") == "jodoe@gmail.com"
    assert normalise.email("not an address") == ""


def test_codes_of_nothing_but_zeroes_are_missing() -> None:
    assert normalise.code("000-00-0000") == ""
    assert normalise.code("sw1a 1aa") == "SW1A1AA"


def test_a_generational_suffix_is_kept_apart_from_the_name() -> None:
    assert (normalise.name("King Jr."), normalise.suffix("King Jr.")) == ("king", "jr")


def test_soundex_is_that_of_the_american_archives() -> None:
    names = ("robert", "rupert", "ashcraft", "tymczak", "pfister")
    assert [normalise.soundex(name) for name in names] == ["r163", "r163", "a261", "t522", "p236"]
