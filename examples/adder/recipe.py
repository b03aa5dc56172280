"""What this example prepares and trains."""

from common.comparison import FEW, RULES, Comparison, updates
from common.recipe import Sized

COMPARISONS = [
    Comparison(
        "adder",
        "Adding numbers",
        "test: sums of up to three digits that are not trained on; test1: four digits, which training never shows",
        updates(2000),
        RULES,
        prepare=Sized(demo={**FEW, "--longer": 50}),
        compare={"--subset": "test,test1"},
    )
]
