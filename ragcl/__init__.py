"""ragcl: answers from documents that change every day, and weights that learn what is asked often.

The public names: what a user opens, what its verbs give back, and what they raise. Importing it
loads no other library; `KnowledgeBase` loads a model when a verb first needs one.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ragcl.errors import (
    CatalogError,
    FolderUnavailableError,
    KnowledgeBaseBusyError,
    ModelMismatchError,
    ModelNotFoundError,
    RagclError,
    SettingsError,
    TeacherUnavailableError,
    UsageError,
)
from ragcl.results import (
    Answer,
    Citation,
    ConsolidationReport,
    DoctorReport,
    EvaluationReport,
    Explanation,
    Failure,
    ForgetAsksReport,
    ForgetReport,
    Hit,
    IngestReport,
    Migration,
    Mode,
    ModelsReport,
    Quote,
    RollbackReport,
    Route,
    Status,
    Trace,
)

if TYPE_CHECKING:
    from ragcl.knowledge_base import KnowledgeBase
    from ragcl.settings import Settings

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "CatalogError",
    "Citation",
    "ConsolidationReport",
    "DoctorReport",
    "EvaluationReport",
    "Explanation",
    "Failure",
    "FolderUnavailableError",
    "ForgetAsksReport",
    "ForgetReport",
    "Hit",
    "IngestReport",
    "KnowledgeBase",
    "KnowledgeBaseBusyError",
    "Migration",
    "Mode",
    "ModelMismatchError",
    "ModelNotFoundError",
    "ModelsReport",
    "Quote",
    "RagclError",
    "RollbackReport",
    "Route",
    "Settings",
    "SettingsError",
    "Status",
    "TeacherUnavailableError",
    "Trace",
    "UsageError",
    "__version__",
]

_LAZY = {"KnowledgeBase": "ragcl.knowledge_base", "Settings": "ragcl.settings"}


def __getattr__(name: str) -> Any:
    """Load what needs other libraries when it is first named: `import ragcl` costs nothing."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'ragcl' has no attribute {name!r}")
