"""Writes another model of the same words, with places for more tokens than there are, as large models of a family have:
`make_teacher MODEL FOLDER PLACES`."""

import shutil
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

model, folder, places = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
shutil.copytree(model, folder)
teacher = AutoModelForCausalLM.from_pretrained(model)
teacher.resize_token_embeddings(places, mean_resizing=False)
torch.manual_seed(3)
for weights in teacher.parameters():
    weights.data += 0.1 * torch.randn_like(weights)
teacher.save_pretrained(folder)
