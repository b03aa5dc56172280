"""What this example prepares and trains: package descriptions, poems and news."""

from common.comparison import CLASSICS, LSTM_OF_256, LUONG, Comparison, updates
from common.recipe import Flags, Sized

SYSTEMS = {
    "feedback_lstm": CLASSICS["feedback_lstm"],
    "attention_lstm": CLASSICS["attention_lstm"],
    "luong": LUONG,
    "lstm": LSTM_OF_256,
}
TRAIN: Flags = {
    "--encoder-embed-dim": 128,
    "--encoder-hidden-size": 128,
    "--encoder-bidirectional": True,
    "--decoder-embed-dim": 128,
    "--decoder-hidden-size": 256,
    "--dropout": 0.2,
    "--batch-size": 64,
}
ROUGE: Flags = {"--metrics": "rouge1,rouge2,rougeL"}
MANY: Flags = {"--train": 40000, "--valid": 500, "--test": 1000}
FEW: Flags = {"--train": 600, "--valid": 50, "--test": 50, "--vocabulary": 1000}

COMPARISONS = [
    Comparison(
        "headlines-debian",
        "Synopses of Debian's packages",
        "a description becomes a line; lead-8 is its first eight words; the packages of one source are in one split",
        updates(2500),
        TRAIN,
        prepare=Sized({"--data": "debian", **MANY, "--max-source-tokens": 50, "--vocabulary": 8000}, demo=FEW),
        systems=SYSTEMS,
        compare={**ROUGE, "--lead": 8},
    ),
    Comparison(
        "headlines-poems",
        "Titles of Chinese poems",
        "poems of Tang and Song, a character a token; lead-5 is the first five characters",
        updates(2500),
        TRAIN,
        prepare=Sized({"--data": "poems", **MANY, "--max-source-tokens": 48, "--vocabulary": 6000}, demo=FEW),
        systems=SYSTEMS,
        compare={**ROUGE, "--lead": 5},
    ),
    Comparison(
        "headlines-news",
        "Headlines of the People's Daily",
        "2,000 articles of January 1998, a character a token; lead-12 is the first twelve characters",
        updates(2000),
        {**TRAIN, "--dropout": 0.4, "--batch-size": 32},
        prepare=Sized(
            {
                "--data": "news",
                "--tokens": "chars",
                "--valid": 200,
                "--test": 300,
                "--max-source-tokens": 80,
                "--vocabulary": 3000,
            },
            demo=FEW,
        ),
        systems=SYSTEMS,
        # so few are learnt by heart: the loss on others is best when all headlines are still alike
        compare={**ROUGE, "--lead": 12, "--checkpoint": "last"},
    ),
]
