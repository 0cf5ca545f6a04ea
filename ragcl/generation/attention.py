"""Attention masks: which tokens of a row each token sees, for every kind of layer of a model.

A layer with sliding-window attention sees only the last tokens of a text. In a row of several texts
these are not the last tokens of the row, so its mask is made from the places of the tokens in their
own texts. Knows no prompts.
"""

from typing import TYPE_CHECKING, Any

from ragcl.errors import SettingsError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

SLIDING = "sliding_attention"
KINDS = {"full_attention", SLIDING}  # of layers whose mask is known
LARGEST_ERROR = 0.2  # of a packed text's logits, as a share of them; other texts change them wholly


def text_config(model: Any) -> "PreTrainedConfig":
    """The configuration of a model's decoder: one that also sees images has one for each part."""
    config: PreTrainedConfig = model.config.get_text_config(decoder=True)
    return config


def slides(model: Any) -> bool:
    """Whether any layer has sliding-window attention."""
    config = text_config(model)
    kinds = getattr(config, "layer_types", None)
    return SLIDING in kinds if kinds else getattr(config, "sliding_window", None) is not None


def attention_mask(
    visible: "torch.Tensor", positions: "torch.Tensor", model: Any
) -> "torch.Tensor | dict[str, torch.Tensor]":
    """The additive attention mask for tokens that see only some of those before them.

    Args:
        visible: `(n, m) bool` or `(batch, n, m) bool`, which of `m` tokens each of the last `n`
            sees in a layer with full attention.
        positions: `(m,)` or `(batch, m)`, the places of the tokens in their own texts.
        model: the model, with its device and dtype.

    Returns:
        `(batch, 1, n, m)`; one for each kind of layer if the model has several kinds.
    """
    if not slides(model):
        return _additive(visible, model)
    config = text_config(model)
    behind = positions[..., -visible.shape[-2] :, None] - positions[..., None, :]
    near = visible & (behind < config.sliding_window).to(visible.device)
    if not getattr(config, "layer_types", None):
        return _additive(near, model)
    return {
        kind: _additive(near if kind == SLIDING else visible, model)
        for kind in {*config.layer_types}
    }


def padded_mask(
    mask: "torch.Tensor", positions: "torch.Tensor", new: int, model: Any
) -> "torch.Tensor | dict[str, torch.Tensor]":
    """The attention mask of the last `new` tokens of prompts with padding.

    Args:
        mask: `(batch, m)`, 0 for padding.
        positions: `(batch, m)`, the places of the tokens in their own prompts.
        new: the number of tokens that go through the model now.
        model: the model.

    Returns:
        `mask` itself if every layer sees all tokens.
    """
    if not slides(model):
        return mask
    import torch

    m = mask.shape[-1]
    places = torch.arange(m, device=mask.device)
    # Padding sees itself: a row of nothing but the smallest float16 overflows.
    own = places[-new:, None] == places
    seen = (places[-new:, None] >= places) & mask.bool()[:, None] | own
    return attention_mask(seen, positions, model)


def check_packing(model: Any) -> None:
    """Try whether several texts in one row stay apart, as scoring and training have it.

    Raises:
        SettingsError: they do not: some layers remember without attention, or place tokens by their
            distance in the row. Or its numbers are too large for its dtype.
    """
    import torch

    config = text_config(model)
    kinds = {*(getattr(config, "layer_types", None) or ())}
    apart = kinds <= KINDS
    if apart:
        texts = torch.tensor([[3, 1, 4, 2], [3, 5, 2, 6]], device=model.device)
        visible = torch.block_diag(*[torch.ones(4, 4).tril()] * 2).bool()
        positions = torch.arange(4).repeat(2)
        with torch.inference_mode():
            alone = model(input_ids=texts, use_cache=False).logits.flatten(0, 1).float()
            if not alone.isfinite().all():
                raise SettingsError(
                    f"models.language_model: {config.model_type} gives no numbers in {model.dtype}."
                    " Set models.dtype = 'float32', or name another model."
                )
            try:
                packed = model(
                    input_ids=texts.view(1, -1),
                    attention_mask=attention_mask(visible, positions, model),
                    position_ids=positions[None].to(model.device),
                    use_cache=False,
                ).logits[0]
            except (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError):
                apart = False
            else:
                size = (alone - alone.mean(-1, keepdim=True)).norm()
                apart = bool((packed.float() - alone).norm() <= LARGEST_ERROR * size)
    if not apart:
        raise SettingsError(
            f"models.language_model: {config.model_type} has layers that cannot keep several texts "
            "in one row apart (recurrence, convolution, ALiBi). Name a model with full or "
            "sliding-window attention, such as Llama, Qwen, Gemma, Mistral or Phi."
        )


def _additive(visible: "torch.Tensor", model: Any) -> "torch.Tensor":
    import torch

    hidden = torch.zeros(visible.shape, dtype=model.dtype, device=model.device)
    hidden.masked_fill_(~visible.to(model.device), torch.finfo(model.dtype).min)
    return hidden[None, None] if visible.ndim == 2 else hidden[:, None]
