"""Networks of transformers as they are given: dataclass outputs, tokens that are embedded inside, pictures, one token of many."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import pellucid as pl
from training.frameworks import imported

NEEDED = ("BertForSequenceClassification", "GPT2LMHeadModel", "LlamaForCausalLM", "ViTForImageClassification")
transformers = imported("transformers", needed=NEEDED)
pytestmark = pytest.mark.filterwarnings("ignore")
TOKENS, WORDS = 7, 60
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
TEXT = pl.ModelSpec(inputs=(pl.InputSpec(kind="tokens", blank=0),))


def _bert() -> Any:
    config = transformers.BertConfig(vocab_size=WORDS, max_position_embeddings=16, num_labels=3, **SMALL)
    return transformers.BertForSequenceClassification(config)


def _gpt2() -> Any:
    ends = {"bos_token_id": 1, "eos_token_id": 1}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4, n_positions=16, **ends))


def _llama() -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=WORDS, num_key_value_heads=2, **SMALL))


def _vit() -> Any:
    config = transformers.ViTConfig(image_size=16, patch_size=4, num_labels=3, **SMALL)
    return transformers.ViTForImageClassification(config)


NETWORKS: dict[str, tuple[Callable[[], Any], Any]] = {
    "bert": (_bert, 1), "gpt2": (_gpt2, pl.Token(TOKENS - 1, 5)), "llama": (_llama, pl.Token(TOKENS - 1, 5)), "vit": (_vit, 1),
}  # fmt: skip


@cache
def made(name: str) -> tuple[Any, torch.Tensor]:
    """A network with random weights, large enough that its attention is not even, and three rows."""
    torch.manual_seed(0)
    net = NETWORKS[name][0]().eval()
    with torch.no_grad():
        for one in net.parameters():
            if one.ndim > 1:
                one.mul_(4)
    return net, torch.randn(3, 3, 16, 16) if name == "vit" else torch.randint(1, WORDS, (3, TOKENS))


def explained(name: str, method: Any, **options: Any) -> pl.Explanation:
    net, x = made(name)
    options |= {} if name == "vit" else {"spec": TEXT}
    return pl.explain(net, x, method, target=NETWORKS[name][1], seed=0, **options)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", ["integrated_gradients", "deeplift", "shap"])
def test_attributions_add_up(name: str, method: str) -> None:
    found = explained(name, method)
    check = next(one for one in found.checks if one.name == "completeness")
    assert np.all(np.abs(check.value) <= np.maximum(1e-3, 2 * check.reference))
    assert np.asarray(found.values).shape == ((3, 3, 16, 16) if name == "vit" else (3, TOKENS))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "method", ["attention", "attention_rollout", "attention_gradient", "attention_norm", "lrp", "gradient", "occlusion"]
)
def test_other_methods_answer(name: str, method: str) -> None:
    values = explained(name, method, checks="none").arrays[0].values
    assert np.isfinite(values).all()
    assert np.abs(values).max() > 0


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_attention_is_what_the_network_says_of_itself(name: str) -> None:
    net, x = made(name)
    before = net.config._attn_implementation
    net.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            said = net(x, output_attentions=True).attentions
    finally:
        net.set_attn_implementation(before)
    query = 0 if name == "bert" else TOKENS - 1
    for layer, weights in enumerate(said):
        found = explained(name, pl.Attention(layer=layer, head=2, query=query), checks="none").arrays[0].values
        np.testing.assert_allclose(found, weights[:, 2, query], atol=1e-5)


def test_nothing_of_a_network_is_changed() -> None:
    for name in NETWORKS:
        net, _ = made(name)
        before = {key: value.clone() for key, value in net.state_dict().items()}, vars(net).keys()
        explained(name, "lrp", checks="none")
        assert all(torch.equal(value, net.state_dict()[key]) for key, value in before[0].items())
        assert vars(net).keys() == before[1]
