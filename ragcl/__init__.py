"""ragcl: answers from documents that change every day, and weights that learn what is asked often.

Importing it loads no model library; `KnowledgeBase` does when a verb first needs one.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragcl.knowledge_base import KnowledgeBase

__version__ = "0.1.0"
__all__ = ["KnowledgeBase", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the knowledge base when it is first named, so that `import ragcl` costs nothing."""
    if name == "KnowledgeBase":
        from ragcl.knowledge_base import KnowledgeBase

        return KnowledgeBase
    raise AttributeError(f"module 'ragcl' has no attribute {name!r}")
