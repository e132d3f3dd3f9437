"""Tiny pretrained recognisers with random weights, as `save_pretrained` writes them: for tests, never fetched from anywhere."""

import json
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

_TOKENS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|zh|>",
    "<|transcribe|>",
    "<|notimestamps|>",
    "<|0.00|>",
    "<|0.02|>",
)


def tiny_whisper(folder: Path, *, languages: bool = True, seconds: int = 4) -> Path:
    """Write a Whisper of one layer that writes bytes."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(t, special=True) for t in _TOKENS[: 6 if languages else 2]])
    made.save(str(folder / "tokenizer.json"))
    end = len(alphabet)
    config = transformers.WhisperConfig(
        vocab_size=end + len(_TOKENS), d_model=32, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_source_positions=50 * seconds,
        max_target_positions=64, eos_token_id=end, bos_token_id=end, pad_token_id=end, decoder_start_token_id=end + 1,
        suppress_tokens=[], begin_suppress_tokens=[end],
    )  # fmt: skip
    transformers.WhisperForConditionalGeneration(config).save_pretrained(str(folder))
    front = {"sampling_rate": 16_000, "feature_size": 80, "hop_length": 160, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(front), encoding="utf-8")
    return folder


def tiny_ctc(folder: Path, letters: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'", *, head: bool = True) -> Path:
    """Write a wav2vec 2.0 of one layer, with a head over letters."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    signs = ["<pad>", "<s>", "</s>", "<unk>", "|", *letters]
    config = transformers.Wav2Vec2Config(
        vocab_size=len(signs), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, pad_token_id=0,
        mask_time_length=2, mask_feature_length=2,
    )  # fmt: skip
    cls = transformers.Wav2Vec2ForCTC if head else transformers.Wav2Vec2Model
    cls(config).save_pretrained(str(folder))
    if head:
        told = {"pad_token": "<pad>", "word_delimiter_token": "|"}
        (folder / "vocab.json").write_text(json.dumps({s: i for i, s in enumerate(signs)}), encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 16_000}), encoding="utf-8")
    return folder


def tiny_vits(folder: Path, *, speakers: int = 1, sounds: bool = False) -> Path:
    """Write a VITS voice of one layer that reads letters, or sounds as espeak-ng tells them."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    signs = ["|", *" abcdefghijklmnopqrstuvwxyz'.,", *("ˈˌəɪʊæɑɔɛʃθðŋɹɡː" if sounds else "")]
    config = transformers.VitsConfig(
        vocab_size=len(signs), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=32, flow_size=16,
        spectrogram_bins=33, num_speakers=speakers, speaker_embedding_size=8 if speakers > 1 else 0, upsample_initial_channel=32,
        upsample_rates=[8, 8, 4], upsample_kernel_sizes=[16, 16, 8], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3, 5]],
        prior_encoder_num_wavenet_layers=2, posterior_encoder_num_wavenet_layers=2, wavenet_kernel_size=3,
        duration_predictor_num_flows=2, duration_predictor_filter_channels=16, sampling_rate=16_000,
    )  # fmt: skip
    transformers.VitsModel(config).save_pretrained(str(folder))
    told = {"pad_token": "|", "add_blank": True, "phonemize": sounds, "is_uroman": False}
    (folder / "vocab.json").write_text(json.dumps({s: i for i, s in enumerate(signs)}), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def tiny_speech_t5(folder: Path, *, width: int = 8, bands: int = 16) -> Path:
    """Write a SpeechT5 voice of one layer that reads small letters, with vectors of `width` numbers."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    signs = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", *"abcdefghijklmnopqrstuvwxyz'.,?"]
    config = transformers.SpeechT5Config(
        vocab_size=len(signs) + 2, hidden_size=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16, decoder_layers=1,
        decoder_attention_heads=2, decoder_ffn_dim=16, num_mel_bins=bands, speech_decoder_prenet_units=8, speaker_embedding_dim=width,
        speech_decoder_postnet_units=8, speech_decoder_postnet_layers=2, max_text_positions=30, max_speech_positions=200,
        encoder_max_relative_position=8,
    )  # fmt: skip
    network = transformers.SpeechT5ForTextToSpeech(config)
    torch.nn.init.constant_(network.speech_decoder_postnet.prob_out.bias, -20.0)  # it stops where it must
    network.save_pretrained(str(folder))
    # a protocol buffer: pieces (field 1), each with its text (field 1 of it)
    pieces = [bytes([10, len(s.encode())]) + s.encode() for s in signs]
    (folder / "spm_char.model").write_bytes(b"".join(bytes([10, len(p)]) + p for p in pieces))
    return folder


def tiny_vocoder(folder: Path, *, bands: int = 16) -> Path:
    """Write a HiFi-GAN of few channels, 256 samples a frame, that can be heard: with the weights of its library's start it gives 1e-10."""
    import transformers

    torch.manual_seed(0)
    config = transformers.SpeechT5HifiGanConfig(
        model_in_dim=bands, upsample_initial_channel=16, resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3, 5]]
    )
    made = transformers.SpeechT5HifiGan(config)
    for weight in made.parameters():
        if weight.dim() > 1:
            torch.nn.init.xavier_normal_(weight, gain=1.2)
    made.save_pretrained(str(folder))
    return folder
