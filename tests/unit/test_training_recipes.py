"""Which recipe pairs get, and the reason that is given for it."""

from __future__ import annotations

import pytest
from pairs_data import lexicon

from s2s_plugins.text.pairs import Options, prepare_pairs
from s2s_plugins.training.recipes import RECIPES, for_data, recipe_for


def spelled(count: int, turned: bool = False) -> list:
    """Words with their letters one by one, in their order or from right to left."""
    return [(word, " ".join(reversed(word.upper()) if turned else word.upper())) for word, _ in lexicon(count)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_the_order_of_a_handful_of_pairs_is_not_said_to_be_known(tmp_path, count, turned):
    recipe = recipe_for(prepare_pairs(spelled(count, turned), tmp_path / "data"))
    assert recipe.name == "crossing" and recipe.flags == RECIPES["crossing"].flags
    assert recipe.reason.startswith("1 pair is too few" if count == 1 else f"{count} pairs are too few to tell")


@pytest.mark.parametrize(
    "count, turned, name, reason",
    [
        (19, False, "few", "under 20,000 pairs whose symbols come in the same order"),
        (19, True, "crossing", "19 pairs are too few to tell the order"),
        (300, False, "few", "under 20,000 pairs whose symbols come in the same order"),
        (300, True, "crossing", "small alphabets, symbols in another order"),
    ],
)
def test_an_order_is_followed_where_it_shows(tmp_path, count, turned, name, reason):
    recipe = recipe_for(prepare_pairs(spelled(count, turned), tmp_path / "data"))
    assert recipe.name == name and recipe.reason.startswith(reason)


def test_features_beside_the_sources_have_a_recipe_of_their_own(tmp_path, monkeypatch):
    forms = [(word, f"{word}s", "N;PL") for word, _ in lexicon(300)]
    prepared = prepare_pairs(forms, tmp_path / "data")
    recipe = recipe_for(prepared)
    flags = for_data(recipe.flags, prepared)
    assert recipe.name == "edits" and flags["--arch"] == "transducer_lstm" and flags["--features-as"] == "bag"
    assert not {"--copy", "--attention"} & set(flags)
    monkeypatch.setattr("s2s_plugins.training.recipes.FEW_FORMS", 300)
    assert recipe_for(prepared).name == "edits" and len(forms) == 300  # some of them are not trained on
    monkeypatch.setattr("s2s_plugins.training.recipes.FEW_FORMS", 100)
    assert recipe_for(prepared).name == "many edits" and recipe_for(prepared).updates > recipe.updates
    asked = for_data(recipe.flags, prepared, "attention_lstm", "joined")
    assert asked["--copy"] is True and asked["--attention"] == "general" and asked["--features-as"] == "joined"
    assert "--features-as" not in for_data(recipe.flags, prepared, "lstm")
    other = prepare_pairs(forms, tmp_path / "other", Options(copy=False))
    flags = for_data(recipe_for(other).flags, other)
    assert recipe_for(other).name == "features" and flags["--arch"] == "attention_lstm" and "--copy" not in flags
