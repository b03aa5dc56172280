"""The statements that a model answers after each epoch, in the tokens of prepare.py."""

# no pair with one of these statements is in any split: an answer is the model's, and no line that it has read
PROMPTS = (
    "hello .",
    "how are you ?",
    "what's your name ?",
    "where are you going ?",
    "what time is it ?",
    "do you love me ?",
    "are you married ?",
    "tell me the truth .",
    "who is your father ?",
    "what is the meaning of life ?",
)
