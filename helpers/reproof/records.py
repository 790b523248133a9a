"""What all helpers share: strict records, and where a value comes from."""

from __future__ import annotations

import datetime
import types
import typing
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from reproof.errors import PackError, near

How = Literal["measured", "traced", "computed", "cited", "inferred"]
"""How a number is known, strongest first. `inferred` is allowed; hiding it is not."""

Verdict = Literal[
    "MATCH", "CLOSE", "DEVIATES", "FAIL", "INCONCLUSIVE", "UNATTAINABLE", "SHORTENED", "NOT_RUN", "BETTER"
]


class Record(BaseModel):
    """Frozen and strict: an unknown key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def _identifier(name: str) -> str:
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"{name!r} must be a lower-case Python identifier, like nsgf")
    return name


Identifier = Annotated[str, AfterValidator(_identifier)]
"""A name that may become a folder and a Python package."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""A name that may become a file or a folder."""

T = TypeVar("T")


class Signature(Record):
    """A person's decision on an inferred value. Helpers record it; they never sign."""

    by: str = Field(min_length=2)
    on: datetime.date
    note: str = ""


class Sourced(Record, Generic[T]):
    """One value and where it comes from: a quote, a line of source code, or an inference. Nothing else validates."""

    value: T
    quote: str | None = Field(None, description="exact words of the paper that state the value")
    where: str | None = Field(None, description="section, table or page of the quote")
    read_as: dict[str, str] = Field(
        default_factory=dict,
        description="words of the quote whose exponent the text extraction flattened, and how they are read",
    )
    source: str | None = Field(None, description="file:line@commit, for a port")
    inferred: str | None = Field(None, description="why this value, when the paper does not state it")
    alternatives: list[Any] = Field(default_factory=list)
    signed: Signature | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Sourced[T]:
        origins = [name for name in ("quote", "source", "inferred") if getattr(self, name)]
        if len(origins) != 1:
            found = " and ".join(origins) or "none"
            raise ValueError(f"needs exactly one of quote, source or inferred; found {found}")
        if self.quote and not self.where:
            raise ValueError("a quote needs `where`: the section, table or page it stands in")
        if self.signed and not self.inferred:
            raise ValueError("only an inferred value is signed; a quote is verified instead")
        return self

    @property
    def open(self) -> bool:
        """Inferred, and nobody has signed it."""
        return bool(self.inferred) and self.signed is None

    @property
    def origin(self) -> str:
        """One line for a comment or a table cell."""
        if self.quote:
            return f'{self.where}: "{self.quote}"'
        if self.source:
            return self.source
        signed = f" (signed by {self.signed.by}, {self.signed.on})" if self.signed else ""
        return f"[INFERRED] {self.inferred}{signed}"


class Reference(Record):
    """Something consulted besides the paper."""

    kind: Literal["official code", "third-party code", "author reply", "review", "other paper", "other"]
    where: str = Field(min_length=3, description="address with commit or date")
    used_for: str = Field(min_length=3)
    licence: str = ""
    says: str = Field("", description="of an author's reply or a line of code: what it says, word for word")


class Risk(Record):
    """What may go wrong, and what we do about it."""

    what: str
    impact: str
    answer: str = Field("", description="what is done about it, or when we would notice")


class Change(Record):
    """An engineering change: same mathematics, other way to run it."""

    what: str
    why: str
    checked_by: str = Field("", description="the test or parity check that shows that nothing else changed")


class Compute(Record):
    """Hardware and time, the authors' and ours."""

    authors_gpu: Sourced[str] | None = None
    authors_time: Sourced[str] | None = None
    authors_gpu_count: Sourced[int] | None = None
    ours_gpu: str = ""
    ours_hours: float | None = Field(None, gt=0, description="GPU hours that ours is expected to take")
    budget_hours: float | None = Field(None, gt=0, description="GPU hours that may be spent")
    tiers: list[str] = Field(default_factory=lambda: ["T4", "RTX 3090", "A100 40GB"])


def _known_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Field names that would have been accepted where `location` points, or none when that is unclear."""
    here: Any = model
    for step in location[:-1]:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(step)].annotation if str(step) in here.model_fields else None
        elif typing.get_origin(here) in (dict, list):
            here = typing.get_args(here)[-1]
        while typing.get_origin(here) in (typing.Union, types.UnionType, Annotated):
            here = typing.get_args(here)[0]
    is_model = isinstance(here, type) and issubclass(here, BaseModel)
    return list(here.model_fields) if is_model else []


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Every wrong field on one line each: its path, what is wrong, the value received, a near miss."""
    lines = []
    for item in error.errors():
        path = ".".join(str(step) for step in item["loc"])
        if item["type"] == "extra_forbidden":
            key = str(item["loc"][-1])
            lines.append(f"{path}: unknown key {key!r}{near(key, _known_at(model, item['loc']))}")
            continue
        message = item["msg"].removeprefix("Value error, ")
        got = "" if item["type"] in ("missing", "value_error") else f", got {str(item['input'])[:80]!r}"
        lines.append(f"{path}: {message}{got}" if path else f"{message}{got}")
    return lines


M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], data: object, *, slug: str, name: str, why: str, fix: str) -> M:
    """`data` as a `model`, or one error that names every wrong field.

    Raises:
        PackError: with `slug`; the message lists all wrong fields.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = explain(error, model)
        listed = "".join(f"\n    {line}" for line in wrong)
        raise PackError(slug, f"{name}: {len(wrong)} wrong{listed}", why=why, fix=fix) from error


class Answer(Record):
    """What a helper answers. `ok` decides between exit 0 and exit 4."""

    ok: bool = Field(description="yes, or: checked, and the answer is no")
    headline: str = Field(description="the answer in one sentence")
