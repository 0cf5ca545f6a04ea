"""The models to choose from: those that were measured, and those that the settings name.

Says which are on this machine and which fit its memory. Loads none of them.
"""

from dataclasses import dataclass
from pathlib import Path

from ragcl.errors import ModelNotFoundError
from ragcl.models import hardware, measured, model_files
from ragcl.models.measured import MeasuredModel, Pair
from ragcl.models.model_files import State
from ragcl.results import ModelNeed, Role
from ragcl.settings import ModelSettings


@dataclass(frozen=True)
class ListedModel:
    """One line of `ragcl models list`.

    `name` is what `ragcl models use` takes. `size` is in bytes, 0 when nothing is there;
    `parameters` and `path` are None where they are not known. `measured` are the measured pairs
    that it is one of.
    """

    role: Role
    name: str
    title: str
    state: State
    in_use: bool
    size: int
    parameters: int | None
    languages: str
    licence: str
    path: Path | None
    measured: tuple[Pair, ...]


def listed(language_model: str, embedder: str) -> list[ListedModel]:
    """The measured models and those in use, the default ones first; hashes the default files.

    Args:
        language_model: the setting of the one in use.
        embedder: the same.
    """
    used: dict[Role, str] = {"language_model": language_model, "embedder": embedder}
    states = {one.role: one for one in model_files.list_models()}
    found = []
    for one in _known(used):
        size, path = 0, None
        state: State = "missing"
        parameters: int | None = one.parameters or None
        licence = ""
        if one.name == "default":
            status = states[one.role]
            size, path, state, licence = status.size, status.path, status.state, status.licence
        elif (folder := _folder(one)) is not None:
            size, path, state = model_files.size(folder), folder, "ready"
            parameters = model_files.parameters(folder)
        found.append(
            ListedModel(
                role=one.role,
                name=one.name,
                title=one.title,
                state=state,
                in_use=used[one.role] == one.name,
                size=size,
                parameters=parameters,
                languages=one.languages,
                licence=licence,
                path=path,
                measured=tuple(
                    pair for pair in measured.pairs() if getattr(pair, one.role) == one.name
                ),
            )
        )
    return found


def needs(
    language_model: str, embedder: str, bytes_a_weight: int, free_mb: int
) -> tuple[list[ModelNeed], int]:
    """The memory that the models need that are listed.

    Args:
        language_model: the setting of the one in use.
        embedder: the same.
        bytes_a_weight: as it is computed with, which may be more than it is stored in.
        free_mb: the memory of this machine that is free.

    Returns:
        The needs of the models whose number of parameters is known, and what the weights of the
        pair in use need.
    """
    used: dict[Role, str] = {"language_model": language_model, "embedder": embedder}
    found = []
    in_use = 0
    for one in _known(used):
        folder = _folder(one)
        parameters = model_files.parameters(folder) if folder else one.parameters
        if parameters:
            weights = -(-parameters * bytes_a_weight // 2**20)
            in_use += weights if used[one.role] == one.name else 0
            took = measured.round_mb(one.name) if one.role == "language_model" else 0
            fits = max(weights, took) <= free_mb
            found.append(ModelNeed(one.role, one.name, weights, fits, took))
    return found, in_use


def needs_here(models: ModelSettings, embedder: str, free_mb: int) -> tuple[list[ModelNeed], int]:
    """`needs` with the device and the type of numbers that the settings choose."""
    device = hardware.choose_device(models.device)
    bytes_a_weight = hardware.choose_dtype(models.dtype, device).itemsize
    return needs(models.language_model, embedder, bytes_a_weight, free_mb)


def _known(used: dict[Role, str]) -> list[MeasuredModel]:
    """The measured models, and those in use that were not measured."""
    known = list(measured.models())
    names = {(one.role, one.name) for one in known}
    known += [
        MeasuredModel(role, name, Path(name).name, 0, "")
        for role, name in used.items()
        if (role, name) not in names
    ]
    return sorted(known, key=lambda one: one.role != "language_model")


def _folder(model: MeasuredModel) -> Path | None:
    """The folder of a model on this machine; None if it is not there, or not whole."""
    try:
        return model_files.resolve(model.name, model.role).path
    except ModelNotFoundError:
        return None
