"""Models from their folders: weights from safetensors only, and no code that comes with a model is run."""

import warnings
from typing import Any


def load_base(location: str, revision: str, **held: Any) -> tuple[Any, Any]:
    """A base model in evaluation mode, and its tokenizer, from a folder or a hub id with its revision.

    `held` says in which format its weights are held (see precision.py); without it in fp32.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from llm_twin_assets.training.chat import with_template

    tokenizer = AutoTokenizer.from_pretrained(location, revision=revision, trust_remote_code=False)
    model = AutoModelForCausalLM.from_pretrained(
        location,
        revision=revision,
        trust_remote_code=False,
        use_safetensors=True,
        **({"dtype": "float32"} | held),
    )
    return model.eval(), with_template(tokenizer)


def load_adapted(base: Any, adapter_folder: str) -> Any:
    """The base with a twin's adapter on it, in evaluation mode."""
    from peft import PeftModel

    with warnings.catch_warnings():
        # The library warns of its own old names.
        warnings.simplefilter("ignore", FutureWarning)
        return PeftModel.from_pretrained(base, adapter_folder).eval()


def load_trainable(base: Any, adapter_folder: str) -> Any:
    """The base with a twin's adapter on it, whose weights are to be trained on."""
    from peft import PeftModel

    return nameless(PeftModel.from_pretrained(base, adapter_folder, is_trainable=True))


def nameless(model: Any) -> Any:
    """The adapted model, without its base's name: at each checkpoint peft would look for that on the hub."""
    model.peft_config["default"].base_model_name_or_path = None
    return model
