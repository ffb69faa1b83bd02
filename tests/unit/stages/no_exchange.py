"""Run in a stage without a card: TRL asks its server for answers as it does, and no weights go to it by NCCL."""

from trl.generation import vllm_client, vllm_generation

for module in (vllm_client, vllm_generation):
    module.is_vllm_available = lambda *_, **__: True
vllm_client.VLLMClient.init_communicator = lambda *_, **__: None
vllm_generation.VLLMGeneration.sync_weights = lambda *_, **__: None
