"""Requests and answers: what is checked, and what the OpenAPI document says."""

from __future__ import annotations

from typing import Annotated, Any, Dict, List, Optional, Sequence, Type, Union

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, create_model

from s2s_plugins.server.limits import Limits

UNSURE = "Where `min_probability` was given: whether the best answer is less probable."


class Strict(BaseModel):
    """A request: a field that is unknown is an error, and so is a text where a number belongs."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _whole(value: Any) -> Any:
    """5.0 as 5: JSON has one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def requests_of(limits: Limits) -> Dict[str, Type[BaseModel]]:
    """The requests that a server takes, by verb.

    Args:
        limits: of the server; they stand in the schemas.
    """
    texts = Annotated[List[str], Field(min_length=1, max_length=limits.max_texts)]
    text: Any = (Union[str, texts], Field(description="One text, or several.", examples=["zebra", ["zebra", "boa"]]))
    model: Any = (Optional[str], Field(None, description="Its name; by default the first model of this kind."))
    width = Annotated[int, Field(ge=1, le=limits.max_beam), BeforeValidator(_whole)]
    nbest = Field(1, description="Number of predictions of a text, best first.")
    beam = Field(
        min(5, limits.max_beam),
        description="Width of the beam search, 1 = greedy; at least `nbest` are followed.",
    )
    alignment = Field(False, description="Whether to say where the model looked for each token.")
    least: Any = (
        Optional[Annotated[float, Field(ge=0, le=1)]],
        Field(None, description="An answer that is less probable has no text or label, and is `unsure`."),
    )
    sample = Annotated[
        List[List[Optional[FiniteFloat]]],
        Field(min_length=1, max_length=limits.max_tokens, description="A row a step, a column an observed value."),
    ]
    source = Field(
        min_length=1,
        max_length=limits.max_texts,
        description="Samples of one shape, in the units of the data; null is a value that is missing.",
        examples=[[[[0.1], [0.2], [0.3]]]],
    )
    steps = Annotated[int, Field(ge=1, le=limits.max_tokens), BeforeValidator(_whole)]
    length = Field(None, description="Number of steps; by default as in training.")
    level = Annotated[float, Field(gt=0, lt=1)]
    levels = Field(None, max_length=100, description="Quantiles, rising; by default those of the training.")
    return {
        "predict": create_model(
            "PredictRequest",
            __base__=Strict,
            text=text,
            nbest=(width, nbest),
            beam=(width, beam),
            alignment=(bool, alignment),
            min_probability=least,
            model=model,
        ),
        "classify": create_model("ClassifyRequest", __base__=Strict, text=text, min_probability=least, model=model),
        "forecast": create_model(
            "ForecastRequest",
            __base__=Strict,
            source=(List[sample], source),
            length=(Optional[steps], length),
            levels=(Optional[List[level]], levels),
            model=model,
        ),
    }


class Prediction(BaseModel):
    """What a text becomes."""

    text: str = Field(description="Empty if the result is `unsure`; `tokens` has what it would have been.")
    score: float = Field(description="Mean log-probability of a token, `</s>` included; natural logarithm.")
    probability: float = Field(
        description="That the output is right, of a calibrated model; else what the model gives the whole output."
    )
    tokens: List[str] = Field(description="Of the output, without `</s>`.")
    alignment: Optional[List[List[float]]] = Field(
        None,
        description="Where it was asked for: a row a token of the output and `</s>`, a column a token of the source "
        "and `</s>`; null of a model without attention, and of an empty text.",
    )


class PredictResult(BaseModel):
    """The predictions of a text."""

    source_tokens: List[str] = Field(description="What the model has read.")
    unknown: List[str] = Field(description="Those of them that it does not know.")
    unsure: Optional[bool] = Field(None, description=UNSURE)
    predictions: List[Prediction] = Field(description="Best first.")


class PredictAnswer(BaseModel):
    """The predictions of all texts, in their order."""

    model: str
    results: List[PredictResult]


class ClassifyResult(BaseModel):
    """The class of a text."""

    label: str = Field(description="Empty if it is `unsure`.")
    probability: float = Field(description="Of the most probable class.")
    unsure: Optional[bool] = Field(None, description=UNSURE)
    probabilities: Dict[str, float] = Field(description="Of all classes.")


class ClassifyAnswer(BaseModel):
    """The classes of all texts, in their order."""

    model: str
    results: List[ClassifyResult]


class ForecastResult(BaseModel):
    """What comes behind a sample, in the units of the data."""

    values: List[List[float]] = Field(description="A row a step, a column a target.")
    quantiles: List[List[List[float]]] = Field(description="Of each of these, its quantiles.")


class ForecastAnswer(BaseModel):
    """What comes behind all samples, in their order."""

    model: str
    targets: List[str]
    levels: List[float]
    results: List[ForecastResult]


class ModelAbout(BaseModel):
    """What the file of a model says about it."""

    architecture: str
    licence: str = Field(description="Under which it may be used; empty if that was not said.")
    data: str = Field(description="What it was trained on.")
    figures: Dict[str, Union[str, float]] = Field(description="Scores on what was held out, and facts of the training.")
    written_by: str = Field(description="The release that wrote the file.")


class ServedModel(BaseModel):
    """A model that is served; of a kind of its own are the further fields."""

    model_config = ConfigDict(extra="allow")
    name: str
    kind: str
    path: str = Field(description="Where its requests go.")
    about: Optional[ModelAbout] = Field(description="null if it is not from a file.")


class ServedLimits(BaseModel):
    """What the server takes."""

    max_body: int = Field(description="Bytes of a request's body.")
    max_texts: int = Field(description="Texts, or samples of an array, of a request.")
    max_tokens: int = Field(description="Tokens of a text, `</s>` included, or steps of a sample.")
    max_beam: int = Field(description="Width of the beam search, and number of predictions of a text.")


class ModelsAnswer(BaseModel):
    """All models, and the limits of the server."""

    models: List[ServedModel]
    limits: ServedLimits


class HealthAnswer(BaseModel):
    """The server answers."""

    status: str


class ErrorDetail(BaseModel):
    """What is wrong."""

    code: str
    message: str


class ErrorAnswer(BaseModel):
    """A request that was not answered."""

    error: ErrorDetail


REMEDIES = {
    "missing": "add it",
    "extra_forbidden": "leave it out",
    "too_long": "send fewer at a time",
    "too_short": "send one or more",
    **dict.fromkeys(("less_than", "less_than_equal"), "lower it"),
    **dict.fromkeys(("greater_than", "greater_than_equal"), "raise it"),
}


def explained(errors: Sequence[Any]) -> str:
    """What is wrong with a request, in a line: of the first thing the field, what it may be, and the remedy."""
    first = errors[0]
    if first["loc"][:1] == ("text",) and len(errors) > 1:  # it is neither a text nor a list of texts
        others = [one for one in errors if one["loc"][:1] == ("text",) and one["loc"][1:] != ("str",)]
        if others[0]["type"] == "list_type":
            return 'text: Input should be a string, or a list of strings: send one, as {"text": "zebra"}'
        first = others[0]
    places = [str(part) for part in first["loc"] if isinstance(part, int) or str(part).isidentifier()]
    remedy = REMEDIES.get(first["type"], "GET /openapi.json has the form of requests")
    return f"{'.'.join(places)[:100] or 'the body'}: {first['msg'][:200]}: {remedy}"
