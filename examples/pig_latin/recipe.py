"""What this example prepares and trains."""

from common.comparison import FEW, RULES, Comparison, updates
from common.recipe import Sized

COMPARISONS = [
    Comparison(
        "pig_latin",
        "Pig Latin",
        "test: words that are not trained on; test1: consonant beginnings that no word of training has",
        updates(1500),
        RULES,
        prepare=Sized(demo=FEW),
        compare={"--subset": "test,test1"},
    )
]
