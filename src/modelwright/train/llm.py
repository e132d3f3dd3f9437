"""Tuning causal language models of folders through TRL and PEFT, inside the budget.

This is the one fit outside `train/loop.py`: TRL's trainers bring their own loop, with what large models need around it. Ids
are prepared here, not by TRL, so that what is trained is what serves.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from pathlib import Path
from typing import Any

from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.core.events import Step
from modelwright.core.recipe import FitContext
from modelwright.train.optim import schedule
from modelwright.train.precision import bf16_helps

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def tune(
    folder: Path, rows: list[dict[str, list[int]]], pairs: bool, options: Any, ctx: FitContext,
    history: list[dict[str, float]], out: Path, pad: int, epochs: float,
) -> float:  # fmt: skip
    """Tune the model of a folder on rows of ids and write it to `out`; return the epochs that were done.

    The learning rate comes down by steps or by time, whichever is further on. Raises ModelwrightError where not one step
    could be done, or the loss is not finite.
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
    steps = max(1, math.ceil(epochs * len(rows) / options.batch))
    start, allowed = time.monotonic(), ctx.deadline.remaining()
    cpu = ctx.device == "cpu"
    arguments: dict[str, Any] = {
        "output_dir": str(out / "trainer"), "max_steps": steps, "per_device_train_batch_size": options.batch,
        "save_strategy": "no", "report_to": [], "disable_tqdm": True, "logging_steps": max(1, steps // 50), "seed": ctx.seed,
        "use_cpu": cpu, "bf16": bf16_helps(ctx.device) and not cpu, "remove_unused_columns": False,
        "dataloader_pin_memory": not cpu, "max_length": None, "gradient_checkpointing": False, "max_grad_norm": 1.0,
    }  # fmt: skip

    def rate(step: int) -> float:
        spent = 0.0 if math.isinf(allowed) else (time.monotonic() - start) / (0.9 * max(allowed, 1e-3))
        return schedule(min(1.0, max(step / steps, spent)))

    class Watch(transformers.TrainerCallback):
        """Ends at the deadline, and tells how it goes."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            # what follows, merging and scoring, takes its share of the time
            if ctx.deadline.stopped or time.monotonic() - start > 0.9 * allowed:
                control.should_training_stop = True
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                value = float(logs["loss"])
                row = {"epoch": float(len(history) + 1), "loss": value, "seconds": time.monotonic() - start}
                history.append(
                    row | ({"chosen": float(logs["rewards/accuracies"])} if "rewards/accuracies" in logs else {})
                )
                ctx.events.emit(Step(ctx.name, state.global_step, steps, {"loss": value}))

    data = Dataset.from_list(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about their own coming changes
        curve = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        make = _preferences if pairs else _supervised
        trainer = make(model, data, arguments, [Watch()], (optimizer, curve), options, pad, folder)
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    done = int(trainer.state.global_step)
    if done == 0:
        raise ModelwrightError("there was no time for a single training step", "时间不足以完成一步训练")
    if history and not math.isfinite(history[-1]["loss"]):
        raise ModelwrightError("its loss was not finite (training diverged)", "损失不是有限数（训练发散）")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = trainer.model
        if options.way == "lora":
            model = model.merge_and_unload()
        model.eval().save_pretrained(out)
    return done * options.batch / len(rows)


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


def _supervised(
    model: Any,
    data: Any,
    arguments: dict[str, Any],
    callbacks: Any,
    optimizers: Any,
    options: Any,
    pad: int,
    folder: Path,
) -> Any:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

    args = SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True}, packing=False)
    return SFTTrainer(
        model, args=args, train_dataset=data, data_collator=DataCollatorForLanguageModeling(pad), callbacks=callbacks,
        optimizers=optimizers, processing_class=_tokenizer(folder, pad),
    )  # fmt: skip


def _preferences(
    model: Any,
    data: Any,
    arguments: dict[str, Any],
    callbacks: Any,
    optimizers: Any,
    options: Any,
    pad: int,
    folder: Path,
) -> Any:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

    class Prepared(DPOTrainer):
        """Takes rows that are ids already."""

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

    args = DPOConfig(**arguments, beta=options.beta)
    return Prepared(
        model, args=args, train_dataset=data, data_collator=DataCollatorForPreference(pad), callbacks=callbacks,
        optimizers=optimizers, processing_class=_tokenizer(folder, pad),
    )  # fmt: skip


def _tokenizer(folder: Path, pad: int) -> Any:
    """Return the folder's tokeniser for the trainers, which want one at hand; no text passes through it."""
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    name = made.convert_ids_to_tokens(pad)
    made.pad_token = made.eos_token = name
    return made
