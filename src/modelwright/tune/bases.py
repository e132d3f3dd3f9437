"""Which pretrained encoders a run may use: those the user named, and the packaged one where the texts are English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from modelwright.core.bases import BaseModels, HostedModel
from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import MINILM, find, find_causal, minilm_installed, mostly_english
from modelwright.core.schema import Table
from modelwright.features.shared.voice_vectors import read_vectors
from modelwright.models.hosted import check_endpoint

ENDPOINT = "endpoint"  # what `--teacher` says where the model behind `--endpoint` is to label
_DETECTING = "object-detection"
_GENERATING = ("text-to-image", "unconditional-image-generation")
_FORECASTING = "time-series-forecasting"
_LOOK = 500  # texts looked at
_WRITING = ("translation", "summarization", "text2text-generation")
_LEAST = 120.0  # seconds of budget below which the packaged encoder is not worth its start


def bases_for(config: RunConfig, table: Table) -> BaseModels:
    """Return the models that a run may use on this table: those that were named, and the packaged encoder where it fits.

    Raises OptionError where one was named that no column of the data needs.
    """
    large = large_models(config)
    encoders: dict[str, list[str]] = {}
    text2text: list[str] = []
    text2speech: list[str] = []
    vocoders: list[str] = []
    forecasters: list[str] = []
    detectors: list[str] = []
    made: list[str] = []
    present = {c.modality for c in table.schema.inputs}
    for name in sorted(config.pretrained, key=lambda n: find(n).modality == "image"):  # those made for clips first
        modality, reads = find(name).modality, find(name).reads
        if modality == "text2text":
            _must_write(name, config)
            text2text.append(name)
        elif modality == "text2speech":
            _must_speak(name, config)
            text2speech.append(name)
        elif modality == "vocoder":
            _must_speak(name, config)
            vocoders.append(name)
        elif modality == "forecast":
            _must_forecast(name, config)
            forecasters.append(name)
        elif modality == "detect":
            _must_detect(name, config)
            detectors.append(name)
        elif modality == "diffuse":
            _must_generate(name, config)
            made.append(name)
        elif not present & set(reads):
            shown = ", ".join(sorted(present))
            raise OptionError(
                f"`{name}` reads {modality} columns, and the data has only {shown}. Leave it out, or say what a column "
                f"is with --column NAME={modality}.",
                f"`{name}` 用于 {modality} 列，而数据只有 {shown}。请去掉它，或用 --column 列名={modality} 指定列的模态。",
            )
        else:
            for read in present.intersection(reads):
                encoders.setdefault(read, []).append(name)
    offered = "text" not in encoders and "text" in present and parse_duration(config.budget) >= _LEAST
    if offered and minilm_installed() and _english(table):
        encoders["text"] = [MINILM]
    _whole_voices(text2speech, vocoders, config)
    once = {m: tuple(dict.fromkeys(names)) for m, names in encoders.items()}
    written, spoken, sounding, told, found, drawn = (
        tuple(dict.fromkeys(names)) for names in (text2text, text2speech, vocoders, forecasters, detectors, made)
    )
    return replace(
        large, encoders=once, text2text=written, text2speech=spoken, vocoders=sounding, forecasters=told, detectors=found,
        diffusers=drawn, voice_vectors=getattr(config, "voice_vectors", None) or "",
    )  # fmt: skip


def large_models(config: RunConfig) -> BaseModels:
    """Return the large models that were named: an endpoint, for public data only; folders of causal models.

    Raises OptionError where what was said of them does not fit together.
    """
    hosted: tuple[HostedModel, ...] = ()
    if config.teacher == ENDPOINT and not config.endpoint:
        raise OptionError(
            "--teacher endpoint needs --endpoint URL and --endpoint-model NAME.",
            "--teacher endpoint 需要同时给出 --endpoint 地址与 --endpoint-model 名称。",
        )
    if config.endpoint:
        if not config.public:
            raise OptionError(
                "An endpoint sees the rows, so it is used for public data only. If this data is, say --public; "
                "otherwise name a local model with --base FOLDER.",
                "接口会看到数据行，因此仅用于公开数据。若数据确为公开，请加 --public；否则请用 --base 文件夹 指定本地模型。",
            )
        if not config.endpoint_model:
            raise OptionError(
                "Say which model the endpoint should use: --endpoint-model NAME.",
                "请指定接口使用的模型：--endpoint-model 名称。",
            )
        check_endpoint(config.endpoint)
        hosted = (HostedModel(config.endpoint, config.endpoint_model, config.price_in, config.price_out),)
    folders = [f for f in (config.base, config.teacher) if f and f != ENDPOINT]
    for folder in folders:
        find_causal(folder)
    return BaseModels(causal=tuple(dict.fromkeys(folders)), hosted=hosted, public=config.public)


def _must_write(name: str, config: RunConfig) -> None:
    """Refuse a model that writes texts where the task wants none. Raises OptionError."""
    if config.task not in _WRITING:
        shown = ", ".join(_WRITING)
        raise OptionError(
            f"`{name}` reads a text and writes another; it is for the tasks {shown}. Say which with --task.",
            f"`{name}` 读入文本并写出文本，用于任务 {shown}。请用 --task 指定。",
        )


def _must_speak(name: str, config: RunConfig) -> None:
    """Refuse a voice where the task makes no speech. Raises OptionError."""
    if config.task != "text-to-speech":
        raise OptionError(
            f"`{name}` reads texts aloud; it is for the task text-to-speech. Say it with --task.",
            f"`{name}` 用于朗读文本，任务为 text-to-speech。请用 --task 指定。",
        )


def _whole_voices(voices: Sequence[str], vocoders: Sequence[str], config: RunConfig) -> None:
    """Refuse a SpeechT5 voice without its vocoder or vectors of speakers, and those without a voice. Raises OptionError."""
    vectors = getattr(config, "voice_vectors", None)
    wanting = [n for n in voices if find(n).config.get("model_type") == "speecht5"]
    for name in wanting:
        made = [str(a) for a in find(name).config.get("architectures") or []]
        if made and "SpeechT5ForTextToSpeech" not in made:
            raise OptionError(
                f"`{name}` is {made[0]}, which does not read aloud; expected a folder of SpeechT5ForTextToSpeech.",
                f"`{name}` 为 {made[0]}，不能朗读；应为 SpeechT5ForTextToSpeech 的文件夹。",
            )
    if not wanting and (vocoders or vectors):
        what = f"--pretrained {vocoders[0]}" if vocoders else f"--voice-vectors {vectors}"
        raise OptionError(
            f"{what} is for a SpeechT5 voice, and none was named: add --pretrained FOLDER of one, or leave it out.",
            f"{what} 用于 SpeechT5 声音，但未指定：请另加 --pretrained 文件夹，或去掉它。",
        )
    if wanting and len(vocoders) != 1:
        raise OptionError(
            f"`{wanting[0]}` makes spectra, and one vocoder makes them sound: expected a second --pretrained with a HiFi-GAN folder, got {len(vocoders)}.",
            f"`{wanting[0]}` 生成频谱，需由一个声码器转为声音：应再用一个 --pretrained 指定 HiFi-GAN 文件夹，收到 {len(vocoders)} 个。",
        )
    for name in wanting:
        bands, taken = (
            int(find(n).config.get(key, 80)) for n, key in ((name, "num_mel_bins"), (vocoders[0], "model_in_dim"))
        )
        if bands != taken:
            raise OptionError(
                f"`{name}` makes spectra of {bands} bands, and `{vocoders[0]}` takes {taken}; name the vocoder that belongs to the voice.",
                f"`{name}` 生成 {bands} 个频带的频谱，而 `{vocoders[0]}` 需要 {taken} 个；请指定与该声音配套的声码器。",
            )
        if not vectors:
            raise OptionError(
                f"`{name}` speaks with the voice that a vector describes: say whose with --voice-vectors FILE.npy, or a folder of such files.",
                f"`{name}` 按说话人向量发声：请用 --voice-vectors 指定 .npy 文件或此类文件的文件夹。",
            )
        read_vectors(vectors, int(find(name).config.get("speaker_embedding_dim", 512)))


def _must_forecast(name: str, config: RunConfig) -> None:
    """Refuse a forecaster where nothing is forecast. Raises OptionError."""
    if config.task != _FORECASTING:
        raise OptionError(
            f"`{name}` goes on with series; it is for --task {_FORECASTING}.",
            f"`{name}` 用于续写序列，适用于 --task {_FORECASTING}。",
        )


def _must_detect(name: str, config: RunConfig) -> None:
    """Refuse a detector where nothing is to be found in pictures. Raises OptionError."""
    if config.task != _DETECTING:
        raise OptionError(
            f"`{name}` finds boxes in pictures; it is for --task {_DETECTING}.",
            f"`{name}` 用于在图片中检测目标，适用于 --task {_DETECTING}。",
        )


def _must_generate(name: str, config: RunConfig) -> None:
    """Refuse a diffusion model where no pictures are made, and one that reads no text where captions say what to make. Raises OptionError."""
    if config.task not in _GENERATING:
        shown = ", ".join(_GENERATING)
        raise OptionError(
            f"`{name}` makes pictures; it is for the tasks {shown}. Say which with --task.",
            f"`{name}` 用于生成图片，适用于任务 {shown}。请用 --task 指定。",
        )
    if config.task == _GENERATING[0] and not (find(name).folder / "text_encoder").is_dir():
        raise OptionError(
            f"`{name}` reads no text, so captions would say nothing to it; expected a StableDiffusionPipeline for --task {_GENERATING[0]}. "
            f"For pictures without captions use --task {_GENERATING[1]}.",
            f"`{name}` 不读取文本，图片说明对它不起作用；--task {_GENERATING[0]} 需要 StableDiffusionPipeline。"
            f"若不按说明生成图片，请用 --task {_GENERATING[1]}。",
        )


def _english(table: Table) -> bool:
    """Return whether every text column looks English, from some rows."""
    index = pa.array(np.sort(np.random.default_rng(0).permutation(len(table))[:_LOOK]))
    texts = [table.column(c.name).take(index).to_pylist() for c in table.schema.inputs if c.modality == "text"]
    return all(mostly_english(t) for t in texts)
