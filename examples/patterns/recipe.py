"""What this example prepares and trains: a comparison for each rule."""

from common.comparison import FEW, RULES, Comparison, updates
from common.recipe import Sized

SHOWS = {
    "sorted": "the digits in order: what counts is how often each occurs",
    "reversed": "the last digit first: the decoder has to find a place in the source",
    "maxmin_dup": "the largest and the smallest digit, then all but the first two: global and local at once",
}
COMPARISONS = [
    Comparison(
        f"patterns-{rule}",
        f"Patterns of digits: {rule}",
        f"{text}; trained at lengths up to 10, tested up to 20",
        updates(1500),
        RULES,
        prepare=Sized({"--rule": rule}, demo=FEW),
    )
    for rule, text in SHOWS.items()
]
