"""Upscaling pipelines of diffusers with random weights, small enough for a test: 4 times, RGB."""

import json
from pathlib import Path

import torch

from sr3.base.torchvision_guard import require_diffusers


def latent_diffusion(folder: Path, seed: int = 0) -> Path:
    """An LDMSuperResolutionPipeline."""
    diffusers = require_diffusers()
    torch.manual_seed(seed)
    unet = diffusers.UNet2DModel(
        sample_size=8, in_channels=6, out_channels=3, layers_per_block=1, norm_num_groups=4,
        block_out_channels=(8, 16), attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vqvae = diffusers.VQModel(
        block_out_channels=(8, 8, 8), latent_channels=3, norm_num_groups=4, num_vq_embeddings=16,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(num_train_timesteps=1000, clip_sample=False)
    made = diffusers.LDMSuperResolutionPipeline(vqvae=vqvae, unet=unet, scheduler=scheduler)
    made.save_pretrained(folder)
    return folder


def stable_upscaler(folder: Path, seed: int = 0) -> Path:
    """A StableDiffusionUpscalePipeline with a text encoder of two words."""
    diffusers = require_diffusers()
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=7, out_channels=4, layers_per_block=1, norm_num_groups=4,
        block_out_channels=(8, 16), attention_head_dim=8, cross_attention_dim=16,
        num_class_embeds=1000, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8), latent_channels=4, norm_num_groups=4, scaling_factor=0.08333,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
    config = CLIPTextConfig(
        vocab_size=4, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=8, bos_token_id=0, eos_token_id=1,
        pad_token_id=1,
    )  # fmt: skip
    made = diffusers.StableDiffusionUpscalePipeline(
        vae=vae, text_encoder=CLIPTextModel(config), tokenizer=_tokenizer(folder), unet=unet,
        low_res_scheduler=diffusers.DDPMScheduler(), scheduler=diffusers.DDIMScheduler(),
    )  # fmt: skip
    made.save_pretrained(folder)
    return folder


def _tokenizer(folder: Path):
    from transformers import CLIPTokenizer

    files = folder.parent / f"{folder.name}-words"
    files.mkdir()
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "b</w>"]
    (files / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (files / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(files, model_max_length=8)
