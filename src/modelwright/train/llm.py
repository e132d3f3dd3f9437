"""Tuning causal language models of folders through TRL and PEFT, inside the budget.

This is the one fit outside `train/loop.py`: TRL's trainers bring their own loop, with what large models need around it. Ids
are prepared here, not by TRL, so that what is trained is what serves.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import SequentialSampler

from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.core.events import Step
from modelwright.core.recipe import FitContext
from modelwright.train.checkpoint import forget_checkpoint, load_checkpoint, save_checkpoint
from modelwright.train.crew import Over, Shared
from modelwright.train.optim import optimizer_tensors, schedule
from modelwright.train.precision import bf16_helps
from modelwright.train.steps import rng_of

_RARELY = 19  # times what a checkpoint takes that pass until the next one

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def tune(
    folder: Path, rows: list[dict[str, list[int]]], pairs: bool, options: Any, ctx: FitContext,
    history: list[dict[str, float]], out: Path, pad: int, epochs: float,
) -> float:  # fmt: skip
    """Tune the model of a folder on rows of ids and write it to `out`; return the epochs that were done.

    The learning rate comes down by steps or by time, whichever is further on. The processes of a crew share every batch; a fit that was
    stopped goes on from `ctx.folder` with any number of them. Raises ModelwrightError where not one step could be done, or the loss is not
    finite; Over in a process that does not lead, once all is done.
    """
    try:
        import torch
        import transformers
        from datasets import Dataset
        from datasets.utils.logging import disable_progress_bar
    except ImportError as e:
        raise MissingExtra("llm", "Tuning language models", "微调语言模型") from e
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    disable_progress_bar()
    torch.manual_seed(ctx.seed)
    torch.set_num_threads(max(1, ctx.threads))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, optimizer = _model(folder, options)
    shared = _met(options.batch, ctx)
    leads, size = shared is None or shared.leads, 1 if shared is None else shared.size
    each = ctx.accumulate if options.batch % (size * ctx.accumulate) == 0 else 1
    steps = max(1, math.ceil(epochs * len(rows) / options.batch))
    kept = _State(history)
    weights: Any = _Trained(model)
    if ctx.folder is not None and leads:
        load_checkpoint(ctx.folder, weights, [optimizer], None, kept)
    if shared is not None:
        kept.step = shared.begun([optimizer], kept.step)
    begun = kept.step
    start, allowed = time.monotonic(), ctx.deadline.remaining()
    cpu = ctx.device == "cpu"
    arguments: dict[str, Any] = {
        "output_dir": str(out / "trainer"), "max_steps": steps - begun, "per_device_train_batch_size": options.batch // (size * each),
        "gradient_accumulation_steps": each, "save_strategy": "no", "report_to": [], "disable_tqdm": True,
        "logging_steps": max(1, steps // 50), "seed": ctx.seed, "use_cpu": cpu, "bf16": bf16_helps(ctx.device) and not cpu,
        "remove_unused_columns": False, "dataloader_pin_memory": not cpu, "max_length": None, "gradient_checkpointing": False,
        "max_grad_norm": 1.0,
    }  # fmt: skip

    def agreed(value: float) -> float:
        return value if shared is None else shared.agree([value])[0]

    def rate(step: int) -> float:
        spent = 0.0 if math.isinf(allowed) else (time.monotonic() - start) / (0.9 * max(allowed, 1e-3))
        return schedule(min(1.0, agreed(max((begun + step) / steps, spent))))

    class Watch(transformers.TrainerCallback):
        """Ends at the deadline, and tells how it goes."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            kept.step = begun + int(state.global_step)
            # what follows, merging and scoring, takes its share of the time
            over = ctx.deadline.stopped or time.monotonic() - start > 0.9 * allowed
            if agreed(float(over)):
                control.should_training_stop = True
            now = time.monotonic()
            if leads and ctx.folder is not None and kept.step < steps and now >= kept.due:
                save_checkpoint(ctx.folder, weights, optimizer_tensors([optimizer]), None, kept)
                kept.due = time.monotonic() + _RARELY * (time.monotonic() - now)
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                value = float(logs["loss"])
                row = {"epoch": float(len(history) + 1), "loss": value, "seconds": time.monotonic() - start}
                history.append(
                    row | ({"chosen": float(logs["rewards/accuracies"])} if "rewards/accuracies" in logs else {})
                )
                ctx.events.emit(Step(ctx.name, begun + state.global_step, steps, {"loss": value}))

    order = _order(len(rows), steps * options.batch, ctx.seed)[begun * options.batch :]
    data = Dataset.from_list(rows).select(order)
    if begun < steps:
        with warnings.catch_warnings(), shared.as_told() if shared is not None else nullcontext():
            warnings.simplefilter("ignore")  # of libraries, about their own coming changes
            curve = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
            method = (_preferences if pairs else _supervised)(arguments, options, pad)
            trainer = _trainer(method, model, data, [Watch()], (optimizer, curve), _tokenizer(folder, pad))
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.train()
            model = trainer.accelerator.unwrap_model(trainer.model)
    if not leads:
        raise Over
    done = kept.step
    if done == 0:
        raise ModelwrightError("there was no time for a single training step", "时间不足以完成一步训练")
    if history and not math.isfinite(history[-1]["loss"]):
        raise ModelwrightError("its loss was not finite (training diverged)", "损失不是有限数（训练发散）")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if options.way == "lora":
            model = model.merge_and_unload()
        model.eval().save_pretrained(out)
    if ctx.folder is not None and not ctx.deadline.stopped:
        forget_checkpoint(ctx.folder)
    return done * options.batch / len(rows)


def _met(batch: int, ctx: FitContext) -> Shared | None:
    """Meet the other processes of a crew, where a batch can be shared among them; None where this one tunes by itself. Raises Over."""
    if ctx.crew is None:
        return None
    if batch % ctx.crew.size:
        if ctx.crew.rank:
            raise Over
        ctx.events.note(
            f"{ctx.name} is tuned in one process: a batch of {batch} cannot be shared evenly among {ctx.crew.size}.",
            f"{ctx.name} 以单进程微调：批次 {batch} 无法平均分给 {ctx.crew.size} 个进程。",
        )
        return None
    found: Shared | None = ctx.crew.enter(ctx.device)
    return found


def _order(rows: int, count: int, seed: int) -> np.ndarray:
    """Return which row comes when, `count` of them, every epoch in an order of its own: the same in all processes, and after a resume."""
    epochs = [rng_of(seed, epoch).permutation(rows) for epoch in range(math.ceil(count / rows))]
    return np.concatenate(epochs)[:count]


@dataclass
class _State:
    """Where a tuning stands, as a checkpoint keeps it; `due` is when the next one is."""

    history: list[dict[str, float]]
    step: int = 0
    due: float = 0.0
    best_weights: None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"step": self.step, "history": self.history}

    def from_json(self, data: dict[str, Any]) -> None:
        """Take up what `to_json` gave."""
        self.step = int(data["step"])
        self.history[:] = data["history"]


class _Trained:
    """The weights of a model that are tuned, as a checkpoint keeps them: the others stand in the folder that it comes from."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """Return these weights by name."""
        return {name: p.detach() for name, p in self._model.named_parameters() if p.requires_grad}

    def load_state_dict(self, found: dict[str, Any]) -> None:
        """Put them back. Raises ValueError for those of another model."""
        own = self.state_dict()
        if own.keys() != found.keys() or any(own[k].shape != found[k].shape for k in own):
            raise ValueError("weights of another model")
        for name, value in own.items():
            value.copy_(found[name])


def _model(folder: Path, options: Any) -> tuple[Any, Any]:
    """Return the folder's model, with LoRA's additions where asked for, and its optimiser."""
    import torch
    import transformers

    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    if options.way == "lora":
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as e:
            raise MissingExtra("llm", "LoRA", "LoRA") from e
        config = LoraConfig(
            r=options.rank, lora_alpha=2 * options.rank, lora_dropout=0.0, target_modules=_matrices(model), task_type="CAUSAL_LM",
            fan_in_fan_out=model.config.model_type == "gpt2",
        )  # fmt: skip
        model = get_peft_model(model, config)
    trained = [p for p in model.parameters() if p.requires_grad]
    return model, torch.optim.AdamW(trained, lr=options.lr, betas=(0.9, 0.98), weight_decay=options.weight_decay)


def _matrices(model: Any) -> list[str] | str:
    """Return which matrices get additions: those of the layers; the rows of tokens are left as they are."""
    return ["c_attn", "c_proj", "c_fc"] if model.config.model_type == "gpt2" else "all-linear"


def _trainer(
    method: tuple[Any, Any, Any],
    model: Any,
    data: Any,
    callbacks: list[Any],
    optimizers: tuple[Any, Any],
    tokenizer: Any,
) -> Any:
    """Return a trainer of trl that takes rows in the order in which they come; `method` is its class, arguments and collator."""
    kind, args, collator = method

    class Ordered(kind):  # type: ignore[misc, valid-type]  # which trainer it is, is known when running
        """Takes rows in the order in which they come."""

        def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
            return SequentialSampler(data)

    return Ordered(
        model, args=args, train_dataset=data, data_collator=collator, callbacks=callbacks, optimizers=optimizers,
        processing_class=tokenizer,
    )  # fmt: skip


def _supervised(arguments: dict[str, Any], options: Any, pad: int) -> tuple[Any, Any, Any]:
    """Return trainer class, arguments and collator for texts that are to be continued alike; rows are ids already."""
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

    args = SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True}, packing=False)
    return SFTTrainer, args, DataCollatorForLanguageModeling(pad)


def _preferences(arguments: dict[str, Any], options: Any, pad: int) -> tuple[Any, Any, Any]:
    """Return trainer class, arguments and collator for pairs of which one is preferred; rows are ids already."""
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

    class Prepared(DPOTrainer):
        """Takes rows as they are."""

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

    return Prepared, DPOConfig(**arguments, beta=options.beta), DataCollatorForPreference(pad)


def _tokenizer(folder: Path, pad: int) -> Any:
    """Return the folder's tokeniser for the trainers, which want one at hand; no text passes through it."""
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    name = made.convert_ids_to_tokens(pad)
    made.pad_token = made.eos_token = name
    return made
