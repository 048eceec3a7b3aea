"""What is in a column, by its name."""

from cairn_matching import guess


def test_columns_with_spanish_names_are_guessed() -> None:
    columns = "id nombre apellidos fecha_nacimiento calle ciudad codigo_postal telefono correo".split()
    kinds = ["given", "surname", "date", "address", "place", "postcode", "phone", "email"]
    rules = guess(columns)
    assert (rules.id, rules.columns) == ("id", dict(zip(columns[1:], kinds, strict=True)))
